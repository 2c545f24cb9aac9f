# The Debian package: cmake --preset deb, cmake --build --preset deb, cpack --preset deb.
set(deb ${CMAKE_SOURCE_DIR}/systemd/deb)
set(made ${CMAKE_BINARY_DIR}/deb)

# Policy wants changelogs compressed, without a time stamp in them.
configure_file(${deb}/changelog.in ${made}/changelog @ONLY)
execute_process(COMMAND gzip -9nfk ${made}/changelog COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${CMAKE_SOURCE_DIR}/LICENSE license)
list(FILTER license INCLUDE REGEX "Copyright")
list(GET license 0 KP_COPYRIGHT)
string(REGEX REPLACE "^Copyright *(\\([cC]\\) *)?" "" KP_COPYRIGHT "${KP_COPYRIGHT}")
file(READ ${CMAKE_SOURCE_DIR}/LICENSE KP_LICENSE)
string(REGEX REPLACE "^.*(Permission to use)" " \\1" KP_LICENSE "${KP_LICENSE}")
string(REGEX REPLACE "\n\n" "\n.\n" KP_LICENSE "${KP_LICENSE}")
string(REGEX REPLACE "\n([^\n])" "\n \\1" KP_LICENSE "${KP_LICENSE}")
configure_file(${deb}/copyright.in ${made}/copyright @ONLY)
install(FILES ${made}/changelog.gz ${made}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/kpwatchd/conf.d)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kpwatchd)
set(CPACK_PACKAGE_CONTACT "kpwatchd developers <developers@kpwatchd.org>")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd, init-system-helpers (>= 1.54~)")
# The synopsis is the project's description.
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"kpwatchd asks the few public hosts of North Korea whether they are there, by
ICMP, TCP SYN and DNS, a few packets a second in all, and says which link or
place failed when they fall silent: the own connection, the transit, one of
the two upstream paths, the country, its name servers, a host or a service.
.
kpwatchctl, included, is how people ask it.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/prerm ${deb}/postrm ${deb}/conffiles)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
