import { allNodes, type CommandNode, type OptionNode } from './command-tree.ts';

/** A zsh function for a file `_tabellion` in `$fpath`: commands and options with their meaning. */
export function zshCompletion(root: CommandNode): string {
  const nodes = allNodes(root);
  const paths = nodes.filter(node => node.path.length > 0).map(node => `'${key(node)}'`);
  const cases = nodes.map(node => {
    const words = [
      ...node.commands.map(child => described(child.path.at(-1) ?? '', child.summary)),
      ...node.choices.map(choice => described(choice, choice)),
    ];
    const options = [...node.options, ...(node === root ? [] : root.options)].flatMap(optionWords);
    return `    '${key(node)}')
      offers=(${words.join(' ')})
      flags=(${options.join(' ')}) ;;`;
  });
  return `#compdef tabellion
# zsh completion for tabellion; put it in a file _tabellion in your $fpath
_tabellion() {
  local place='' word
  local -a offers flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$place $word" in
      ${paths.join('|')}) place="$place $word" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o option flags
  elif (( \${#offers} )); then
    _describe command offers
  else
    _files
  fi
}
compdef _tabellion tabellion
`;
}

function key(node: CommandNode): string {
  return node.path.map(word => ` ${word}`).join('');
}

function optionWords(option: OptionNode): string[] {
  return [option.short, option.long]
    .filter(word => word !== undefined)
    .map(word => described(word, option.summary));
}

/** `word:meaning` for `_describe`, quoted for the shell. */
function described(word: string, summary: string): string {
  const text = `${word.replaceAll(':', '\\:')}:${summary}`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
