/* org.varlink.service: what stock varlink tools ask every server. */
#include "daemon/control_call.h"
#include "lib/telling/json_obj.h"
#include "monitor_varlink.h"

#include <string.h>

static const char service_description[] =
    "# The Varlink Service Interface is provided by every varlink service. It\n"
    "# describes the service and the interfaces it implements.\n"
    "interface org.varlink.service\n"
    "\n"
    "# Get a list of all the interfaces a service provides and information\n"
    "# about the implementation.\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n"
    "  product: string,\n"
    "  version: string,\n"
    "  url: string,\n"
    "  interfaces: []string\n"
    ")\n"
    "\n"
    "# Get the description of an interface that is implemented by this service.\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n"
    "\n"
    "# The requested interface was not found.\n"
    "error InterfaceNotFound (interface: string)\n"
    "\n"
    "# The requested method was not found\n"
    "error MethodNotFound (method: string)\n"
    "\n"
    "# The interface defines the requested method, but the service does not\n"
    "# implement it.\n"
    "error MethodNotImplemented (method: string)\n"
    "\n"
    "# One of the passed parameters is invalid.\n"
    "error InvalidParameter (parameter: string)\n"
    "\n"
    "# Client is denied access\n"
    "error PermissionDenied ()\n"
    "\n"
    "# Method is expected to be called with 'more' set to true, but wasn't\n"
    "error ExpectedMore ()\n";

static void get_info(struct kpd_call *call)
{
    struct kp_report_daemon daemon;
    kpd_control_describe(call->control, &daemon);
    json_t *names = json_array();
    for (const struct kpd_interface *i = kpd_interfaces; i->name; i++)
        kp_json_append(&names, json_string(i->name));
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "vendor", "kpwatchd");
    kp_obj_text(&o, "product", "kpwatchd");
    kp_obj_text(&o, "version", daemon.version);
    kp_obj_text(&o, "url", "");
    kp_obj_json(&o, "interfaces", names);
    kpd_call_reply(call, kp_obj_end(&o));
}

static void get_interface_description(struct kpd_call *call)
{
    const char *name = kpd_call_text(call, "interface");
    for (const struct kpd_interface *i = kpd_interfaces; i->name; i++) {
        if (strcmp(i->name, name) != 0)
            continue;
        struct kp_obj o = kp_obj_begin();
        kp_obj_text(&o, "description", i->description);
        kpd_call_reply(call, kp_obj_end(&o));
        return;
    }
    struct kp_obj o = kp_obj_begin();
    kp_obj_text(&o, "interface", name);
    kpd_call_error(call, KPD_SERVICE ".InterfaceNotFound", kp_obj_end(&o));
}

static const struct kpd_method service_methods[] = {
    {.name = "GetInfo", .call = get_info},
    {.name = "GetInterfaceDescription",
     .call = get_interface_description,
     .params = {{"interface", KPD_TEXT, true}}},
    {0},
};

const struct kpd_interface kpd_interfaces[] = {
    {KPD_SERVICE, service_description, service_methods},
    {KPD_MONITOR, kpd_monitor_varlink, kpd_monitor_methods},
    {0},
};
