/* conf/kpwatchd.schema.json and the field tables describe the same language. */
#include "lib/conf/conf_fields.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *schema;

static int load_schema(void **state)
{
    (void)state;
    json_error_t error;
    schema = json_load_file(KP_SOURCE_DIR "/conf/kpwatchd.schema.json", JSON_REJECT_DUPLICATES,
                            &error);
    if (schema == NULL)
        print_error("%d:%d: %s\n", error.line, error.column, error.text);
    return schema == NULL;
}

static int free_schema(void **state)
{
    (void)state;
    json_decref(schema);
    return 0;
}

/* The schema a "$ref" names, or the node itself. */
static const json_t *resolve(const json_t *node)
{
    const char *ref = json_string_value(json_object_get(node, "$ref"));
    if (ref == NULL)
        return node;
    assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
    const json_t *found = json_object_get(json_object_get(schema, "$defs"), ref + 8);
    assert_non_null(found);
    return found;
}

static bool is_required(const json_t *node, const char *key)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(json_object_get(node, "required"), i,
                       item) if (strcmp(json_string_value(item), key) == 0) return true;
    return false;
}

static void check_table(const struct kp_table *table, const json_t *node);

static void check_inside(const struct kp_field *field, const json_t *node)
{
    if (field->kind == KP_F_MAP)
        check_table(field->sub, node);
    else if (field->kind == KP_F_NAMED)
        check_table(field->sub, resolve(json_object_get(node, "additionalProperties")));
    else if (field->kind == KP_F_ITEMS)
        check_table(field->sub, resolve(json_object_get(node, "items")));
}

static void check_bounds(const struct kp_field *field, const json_t *node)
{
    if (field->kind != KP_F_NUMBER)
        return;
    assert_true(json_number_value(json_object_get(node, "minimum")) <= field->min &&
                json_number_value(json_object_get(node, "minimum")) >= field->min);
    assert_true(json_number_value(json_object_get(node, "maximum")) <= field->max &&
                json_number_value(json_object_get(node, "maximum")) >= field->max);
}

static void check_table(const struct kp_table *table, const json_t *node)
{
    json_t *properties = json_object_get(node, "properties");
    const char *key = NULL;
    json_t *value = NULL;
    assert_true(json_is_false(json_object_get(node, "additionalProperties")));
    for (size_t i = 0; i < table->count; i++) {
        const struct kp_field *field = &table->fields[i];
        const json_t *property = json_object_get(properties, field->key);
        if (property == NULL)
            fail_msg("the schema of %s lacks '%s'", table->name, field->key);
        if (is_required(node, field->key) != field->required)
            fail_msg("'%s' in %s: required differs", field->key, table->name);
        assert_non_null(field->doc);
        check_bounds(field, resolve(property));
        check_inside(field, resolve(property));
    }
    json_object_foreach(properties, key, value) if (kp_field_find(table, key) == NULL)
        fail_msg("only the schema of %s knows '%s'", table->name, key);
}

static void schema_and_tables_agree(void **state)
{
    (void)state;
    check_table(&kp_table_root, schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schema_and_tables_agree)};
    return cmocka_run_group_tests(tests, load_schema, free_schema);
}
