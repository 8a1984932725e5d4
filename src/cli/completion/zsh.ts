import {
  allNodes,
  type CommandNode,
  type OptionNode,
  pathKey,
  valuedOptions,
} from './command-tree.ts';

/** A zsh function for a file `_tabellion` in `$fpath`: commands and options with their meaning. */
export function zshCompletion(root: CommandNode): string {
  const nodes = allNodes(root);
  const paths = nodes.filter(node => node.path.length > 0).map(node => `'${pathKey(node)}'`);
  const cases = nodes.map(node => {
    const words = [
      ...node.commands.map(child => described(child.path.at(-1) ?? '', child.summary)),
      ...node.choices.map(choice => described(choice, choice)),
    ];
    const options = [...node.options, ...(node === root ? [] : root.options)].flatMap(optionWords);
    return `    '${pathKey(node)}')
      offers=(${words.join(' ')})
      flags=(${options.join(' ')}) ;;`;
  });
  const values = valuedOptions(root).map(({ place, words, choices }) => {
    const patterns = words.map(word =>
      place === undefined ? `*' ${word}'` : `'${place} ${word}'`,
    );
    const offer = choices.length === 0 ? '_files' : `compadd -- ${choices.join(' ')}`;
    return `    ${patterns.join('|')}) ${offer}; return ;;`;
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
  case "$place \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
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
