import { prepare, type Step } from '../scenario.ts';

/** Files to be signed, in the working folder: `one.txt`, `two.txt`, `empty.txt`, `custom.json`, `list.json`, `broken.json`. */
export const someFiles: Step = prepare('some files', async side => {
  await side.write('work/one.txt', 'one\n');
  await side.write('work/two.txt', 'two\n');
  await side.write('work/empty.txt', '');
  await side.write('work/custom.json', '{"a": [true, null, "x"], "b": 1}\n');
  await side.write('work/list.json', '[1, 2]');
  await side.write('work/broken.json', '{"a": ');
});

/** Hashes of the four bytes `one` and a newline. */
export const SHA256 = '2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806';
export const SHA512 =
  '07e41ccb166d21a5327d5a2ae1bb48192b8470e1357266c9d119c294cb1e95978569472c9de64fb6d93cbd4dd0aed0bf1e7c47fd1920de17b038a08a85eb4fa1';
