# cmake -DIN=FILE -DOUT=HEADER -P idl.cmake: the text of FILE as a C string, line by line.
file(READ ${IN} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE ${OUT} "static const char kpd_monitor_varlink[] =\n    \"${text}\";\n")
