import { allNodes, type CommandNode, spellings } from './command-tree.ts';

/**
 * A bash function that follows the words typed so far down the command tree and offers what may
 * come next; where nothing fits, bash completes file names.
 */
export function bashCompletion(root: CommandNode): string {
  const nodes = allNodes(root);
  const paths = nodes.filter(node => node.path.length > 0).map(node => `'${key(node)}'`);
  const valued = [
    ...new Set(nodes.flatMap(node => spellings(node.options.filter(o => o.takesValue)))),
  ];
  const cases = nodes.map(node => {
    const words = node.commands.map(child => child.path.at(-1)).concat(node.choices);
    const options = node === root ? [] : spellings(node.options);
    return `    '${key(node)}') words='${words.join(' ')}' options+=' ${options.join(' ')}' ;;`;
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
  case "$previous" in
    ${valued.join('|')}) return ;;
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

/** The words that lead to a command, each after a space. */
function key(node: CommandNode): string {
  return node.path.map(word => ` ${word}`).join('');
}
