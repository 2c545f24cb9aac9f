/* completion: what a shell needs to complete our command lines.  The scripts only
 * carry the words typed so far to `completion SHELL -- WORD...` and its answer back,
 * so all of them know what the verb table knows. */
#include "ctl/call.h"
#include "ctl/complete.h"

#include <string.h>

static const struct {
    const char *shell, *script;
} scripts[] = {
    {"bash", "# Completion of kpwatchctl for bash; eval \"$(kpwatchctl completion bash)\".\n"
             "_kpwatchctl() {\n"
             "    local line\n"
             "    COMPREPLY=()\n"
             "    while IFS= read -r line; do\n"
             "        if [[ $line == :files ]]; then\n"
             "            compopt -o default\n"
             "            return\n"
             "        fi\n"
             "        COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
             "    done < <(kpwatchctl completion bash -- \"${COMP_WORDS[@]:0:COMP_CWORD+1}\" "
             "2>/dev/null)\n"
             "}\n"
             "complete -F _kpwatchctl kpwatchctl\n"},
    {"zsh",
     "#compdef kpwatchctl\n"
     "# Completion of kpwatchctl for zsh; eval \"$(kpwatchctl completion zsh)\".\n"
     "_kpwatchctl() {\n"
     "    local line\n"
     "    local -a found\n"
     "    for line in \"${(@f)$(kpwatchctl completion zsh -- \"${(@)words[1,CURRENT]}\" "
     "2>/dev/null)}\"; do\n"
     "        if [[ $line == :files ]]; then\n"
     "            _files\n"
     "            return\n"
     "        fi\n"
     "        [[ -n $line ]] && found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
     "    done\n"
     "    _describe -V kpwatchctl found\n"
     "}\n"
     "if [[ $funcstack[1] == _kpwatchctl ]]; then\n"
     "    _kpwatchctl \"$@\"\n"
     "else\n"
     "    compdef _kpwatchctl kpwatchctl\n"
     "fi\n"},
    {"fish", "# Completion of kpwatchctl for fish; kpwatchctl completion fish | source.\n"
             "function __kpwatchctl_complete\n"
             "    set -l found (kpwatchctl completion fish -- (commandline -opc) "
             "(commandline -ct) 2>/dev/null)\n"
             "    if test \"$found[1]\" = :files\n"
             "        __fish_complete_path (commandline -ct)\n"
             "    else\n"
             "        string join -- \\n $found\n"
             "    end\n"
             "end\n"
             "complete -c kpwatchctl -f -a '(__kpwatchctl_complete)'\n"},
};
#define SCRIPTS (sizeof scripts / sizeof scripts[0])

enum kpc_exit kpc_completion_exec(struct kpc_ctx *ctx)
{
    const char *wanted = kpc_word(ctx, 0);
    const char *names[SCRIPTS];
    for (size_t i = 0; i < SCRIPTS; i++) {
        names[i] = scripts[i].shell;
        if (strcmp(wanted, names[i]) != 0)
            continue;
        if (ctx->args->word_count > 2)
            kpc_complete(ctx, ctx->args->words + 2, ctx->args->word_count - 2, &ctx->out);
        else
            kp_text_add(&ctx->out, scripts[i].script);
        return KPC_DONE;
    }
    return kpc_say_unknown("shell", wanted, names, SCRIPTS);
}
