#include "ctl/complete.h"

#include "ctl/call.h"
#include "ctl/out.h"
#include "lib/base/vocab.h"

#include <stdio.h>
#include <string.h>

struct typed {
    struct kpc_ctx *ctx;
    struct kp_text *out;
    const struct kpc_verb *verb;     /* NULL: not typed yet */
    size_t arguments;                /* of the verb, before the last word */
    const struct kpc_opt_spec *open; /* the option whose value the last word is; NULL */
    const char *last;
    const char *before; /* stands before each candidate: "--state=" */
};

static void offer(struct typed *t, const char *candidate, const char *what)
{
    if (candidate == NULL || strncmp(candidate, t->last, strlen(t->last)) != 0)
        return;
    kp_text_add(t->out, t->before);
    kp_text_add_safe(t->out, candidate);
    kp_text_add(t->out, "\t");
    kp_text_add_safe(t->out, what != NULL ? what : "");
    kp_text_add(t->out, "\n");
}

/* One candidate for each object of a list that the daemon has. */
static void ask(struct typed *t, const char *method, const char *list, const char *key,
                const char *about)
{
    struct kpc_reply reply = {0};
    enum kpc_conn_err err = KPC_CONN_OK;
    size_t index = 0;
    json_t *row = NULL;
    if (kpc_call_quiet(t->ctx, method, NULL, &reply, &err))
        json_array_foreach(json_object_get(reply.parameters, list), index, row)
            offer(t, kpc_get_text(row, key), kpc_get_text(row, about));
    kpc_reply_fini(&reply);
}

/* Every group once: the targets come sorted as configured, not by group. */
static void ask_groups(struct typed *t)
{
    struct kpc_reply reply = {0};
    enum kpc_conn_err err = KPC_CONN_OK;
    json_t *seen = json_object();
    size_t index = 0;
    json_t *row = NULL;
    if (kpc_call_quiet(t->ctx, "ListTargets", NULL, &reply, &err))
        json_array_foreach(json_object_get(reply.parameters, "targets"), index,
                           row) if (kpc_get_text(row, "group") != NULL)
            json_object_set_new(seen, kpc_get_text(row, "group"), json_true());
    const char *group = NULL;
    json_object_foreach(seen, group, row) offer(t, group, "group");
    json_decref(seen);
    kpc_reply_fini(&reply);
}

static void ask_incidents(struct typed *t)
{
    struct kpc_reply reply = {0};
    enum kpc_conn_err err = KPC_CONN_OK;
    size_t index = 0;
    json_t *row = NULL;
    if (kpc_call_quiet(t->ctx, "ListIncidents", NULL, &reply, &err))
        json_array_foreach(json_object_get(reply.parameters, "incidents"), index, row)
        {
            char id[24];
            char what[160];
            snprintf(id, sizeof id, "%lld", kpc_get_count(row, "id"));
            const char *where = kpc_get_text(row, "where");
            const char *class = kpc_get_text(row, "class");
            snprintf(what, sizeof what, "%.40s, %.100s", class != NULL ? class : "-",
                     where != NULL ? where : "-");
            offer(t, id, what);
        }
    kpc_reply_fini(&reply);
}

static void verbs(struct typed *t)
{
    for (size_t i = 0; i < kpc_verb_count; i++)
        offer(t, kpc_verbs[i].name, kpc_verbs[i].summary);
}

static void states(struct typed *t)
{
    for (int s = 0; s < KP_STATE_COUNT; s++)
        offer(t, kp_state_name((enum kp_state)s), kp_state_doc((enum kp_state)s));
}

static void levels(struct typed *t)
{
    for (int l = 0; l < KP_LEVEL_COUNT; l++)
        offer(t, kp_level_name((enum kp_level)l), kp_level_doc((enum kp_level)l));
}

static void targets(struct typed *t)
{
    ask(t, "ListTargets", "targets", "name", "title");
}

static void paths(struct typed *t)
{
    ask(t, "ListPaths", "paths", "name", "title");
}

static void mutes(struct typed *t)
{
    targets(t);
    paths(t);
}

static void files(struct typed *t)
{
    kp_text_add(t->out, ":files\n");
}

/* What the words of the verb table and the values of options stand for; others,
 * such as TIME, are for people to say. */
static const struct {
    const char *word;
    void (*fill)(struct typed *t);
} meanings[] = {
    {"TARGET", targets}, {"PATH", paths},   {"GROUP", ask_groups},  {"ID", ask_incidents},
    {"STATE", states},   {"LEVEL", levels}, {"VERB", verbs},        {"FILE", files},
    {"SOCKET", files},   {"CONF", files},   {"TARGET|PATH", mutes},
};

/* A word of the table: one with a meaning, or a list of literals. */
static void offer_word(struct typed *t, const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strlen(meanings[i].word) == len && strncmp(meanings[i].word, word, len) == 0) {
            meanings[i].fill(t);
            return;
        }
    for (const char *at = word; at < word + len; at++) {
        char literal[32];
        size_t piece = strcspn(at, "|] ");
        snprintf(literal, sizeof literal, "%.*s", (int)(piece < 31 ? piece : 31), at);
        if (literal[0] >= 'a' && literal[0] <= 'z')
            offer(t, literal, NULL);
        at += piece;
    }
}

static void argument(struct typed *t)
{
    const char *word = t->verb->words;
    for (size_t i = 0; i < t->arguments && *word != '\0'; i++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    word += strspn(word, "[");
    offer_word(t, word, strcspn(word, "] "));
}

static void options(struct typed *t)
{
    for (enum kpc_opt opt = 0; opt < KPC_OPT_COUNT; opt++) {
        char name[40];
        const struct kpc_opt_spec *spec = kpc_args_spec(opt);
        bool own = opt >= KPC_OPT_FIRST_OWN;
        if (own && (t->verb == NULL || (t->verb->takes & KPC_BIT(opt)) == 0))
            continue;
        snprintf(name, sizeof name, "--%s", spec->name);
        offer(t, name, spec->help);
    }
}

static void option_value(struct typed *t)
{
    const char *value = t->open->value;
    if (strcmp(value, "FORMAT") == 0)
        value = "table|wide|json|jsonl|csv";
    else if (strcmp(value, "WHEN") == 0)
        value = "auto|always|never";
    offer_word(t, value, strlen(value));
}

/* "--state", "-s": the option, where its value is the next word. */
static const struct kpc_opt_spec *opens(const char *word)
{
    for (enum kpc_opt opt = 0; opt < KPC_OPT_COUNT; opt++) {
        const struct kpc_opt_spec *spec = kpc_args_spec(opt);
        bool is_long = strncmp(word, "--", 2) == 0 && strcmp(word + 2, spec->name) == 0;
        bool is_short =
            word[0] == '-' && word[1] == spec->letter && spec->letter != 0 && word[2] == '\0';
        if (spec->value != NULL && (is_long || is_short))
            return spec;
    }
    return NULL;
}

static void take(struct typed *t, const char *word)
{
    if (strcmp(word, "=") == 0) /* bash makes a word of it */
        return;
    if (t->open != NULL) {
        if (t->open == kpc_args_spec(KPC_OPT_SOCKET))
            t->ctx->socket = word;
        t->open = NULL;
    } else if (word[0] == '-' && word[1] != '\0') {
        t->open = opens(word);
    } else if (t->verb == NULL) {
        t->verb = kpc_verb_find(word);
    } else {
        t->arguments++;
    }
}

/* "--state=do": the value begins behind the sign. */
static void split_last(struct typed *t, char *room, size_t size)
{
    const char *sign = strncmp(t->last, "--", 2) == 0 ? strchr(t->last, '=') : NULL;
    if (strcmp(t->last, "=") == 0)
        t->last = "";
    if (sign == NULL)
        return;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(sign - t->last < 63 ? sign - t->last : 63),
             t->last);
    snprintf(room, size, "%s=", name);
    t->open = opens(name);
    t->before = room;
    t->last = sign + 1;
}

void kpc_complete(struct kpc_ctx *ctx, const char *const *words, size_t count,
                  struct kp_text *out)
{
    char before[72];
    struct typed t = {.ctx = ctx, .out = out, .last = "", .before = ""};
    for (size_t i = 1; i + 1 < count; i++)
        take(&t, words[i]);
    if (count > 1)
        t.last = words[count - 1];
    split_last(&t, before, sizeof before);
    if (t.open != NULL)
        option_value(&t);
    else if (t.last[0] == '-')
        options(&t);
    else if (t.verb == NULL)
        verbs(&t);
    else
        argument(&t);
}
