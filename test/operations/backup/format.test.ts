/** Reads a backup by docs/backup-format.md alone, with other libraries: what the document says is what is written. */
import { createDecipheriv, scryptSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode, Encoder } from 'cbor-x';
import { describe, expect } from 'vitest';
import { it } from '../../support/trust-scene.ts';
import { backUp, contentsOf } from './backup-scene.ts';

interface Slot {
  kind: string;
  kdf: string;
  'log-n': number;
  r: number;
  p: number;
  salt: Uint8Array;
  nonce: Uint8Array;
  wrapped: Uint8Array;
}

interface Header {
  nonce: Uint8Array;
  slots: Slot[];
  inventory: { keys: { file: string; id: string; role: string }[] };
}

interface Content {
  keys: { file: string; bytes: Uint8Array }[];
  repositories: { gun: string; metadata: { role: string; bytes: Uint8Array }[] }[];
}

function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, front: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(front).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** The encoding of a map whose names are sorted already: by length, then by their bytes. */
function slotData({ kind, kdf, 'log-n': logN, r, p, salt }: Slot): Buffer {
  const members: [string, unknown][] = [
    ['p', p],
    ['r', r],
    ['kdf', kdf],
    ['kind', kind],
    ['salt', salt],
    ['log-n', logN],
  ];
  const options = {
    useRecords: false,
    mapsAsObjects: false,
    variableMapSize: true,
    tagUint8Array: false,
  };
  return new Encoder(options).encode(new Map(members));
}

describe('the format', () => {
  it('is what its document says', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne('localhost:5000/app:1');
    const before = await contentsOf(machine.trustDir);
    const file = join(scene.folder, 'b');
    // An é of two characters, as some keyboards type it.
    await backUp(machine, file, { passphrase: 'cafe\u0301 au lait!' });

    const bytes = await readFile(file);
    expect(bytes.subarray(0, 23).toString('latin1')).toBe(
      '\xd9\xd9\xf7\x84ptabellion-backup\x01\x5a',
    );
    const [name, version, head, sealed] = decode(bytes) as [string, number, Buffer, Buffer];
    expect([name, version]).toEqual(['tabellion-backup', 1]);
    const header = decode(head) as Header;
    const [slot] = header.slots as [Slot];
    const cost = { N: 2 ** slot['log-n'], r: slot.r, p: slot.p };
    const wrapping = scryptSync(Buffer.from('caf\u00e9 au lait!', 'utf8'), slot.salt, 32, cost);
    const key = open(wrapping, slot.nonce, slot.wrapped, slotData(slot));
    const front = bytes.subarray(0, bytes.length - sealed.length);
    const content = decode(open(key, header.nonce, sealed, front)) as Content;

    expect(content.keys.map(({ file }) => file)).toEqual(
      header.inventory.keys.map(({ file }) => file),
    );
    for (const { file, bytes } of content.keys) {
      expect(Buffer.from(bytes).toString('latin1')).toBe(before[`private/${file}`]);
    }
    const [repository] = content.repositories;
    expect(repository?.metadata.map(({ role }) => role)).toContain('root');
    for (const { role, bytes } of repository?.metadata ?? []) {
      const path = `tuf/${repository?.gun}/metadata/${role}.json`;
      expect(Buffer.from(bytes).toString('latin1')).toBe(before[path]);
    }
  });
});
