import { printable } from '../crypto/printable.ts';

/** As much of a key ID as a person compares at a glance; `--json` has all 64 digits. */
export function shortKeyId(id: string): string {
  return printable(id.slice(0, 12));
}

/**
 * What a key of this role is called to people: `root key`, `repository key of reg.example/app`,
 * `signer key alice`. Untrusted parts are made printable.
 */
export function keyName(role: string, repository?: string): string {
  const of = repository === undefined || repository === '' ? '' : ` of ${printable(repository)}`;
  switch (role) {
    case 'root':
      return 'root key';
    case 'targets':
      return `repository key${of}`;
    case 'snapshot':
    case 'timestamp':
      return `${role} key${of}`;
    // Notary's word for a key whose role was not noted when it was imported.
    case '':
    case 'delegation':
      return 'delegation key';
    default:
      return `signer key ${roleName(role)}`;
  }
}

/** A role as people know it: `alice` for `targets/alice`. */
export function roleName(role: string): string {
  return printable(role.replace(/^targets\//, ''));
}
