import { allNodes, type CommandNode, pathKey, spellings, valuedOptions } from './command-tree.ts';

/**
 * A bash function that follows the words typed so far down the command tree and offers what may
 * come next; where nothing fits, bash completes file names.
 */
export function bashCompletion(root: CommandNode): string {
  const nodes = allNodes(root);
  const paths = nodes.filter(node => node.path.length > 0).map(node => `'${pathKey(node)}'`);
  const values = valuedOptions(root).map(({ place, words, choices }) => {
    const patterns = words.map(word =>
      place === undefined ? `*' ${word}'` : `'${place} ${word}'`,
    );
    const offer =
      choices.length === 0
        ? ''
        : `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); `;
    return `    ${patterns.join('|')}) ${offer}return ;;`;
  });
  const cases = nodes.map(node => {
    const words = node.commands.map(child => child.path.at(-1)).concat(node.choices);
    const options = node === root ? [] : spellings(node.options);
    return `    '${pathKey(node)}') words='${words.join(' ')}' options+=' ${options.join(' ')}' ;;`;
  });
  return `# bash completion for tabellion; load it with: source <(tabellion completion bash)
_tabellion() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='' words='' options='${spellings(root.options).join(' ')}' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${paths.join('|')}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $previous" in
${values.join('\n')}
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ $current == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tabellion tabellion
`;
}
