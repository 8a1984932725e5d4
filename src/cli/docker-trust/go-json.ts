import { escapeForGo } from '../../crypto/canonical-json.ts';

/** JSON as Go prints it with an indent of four: five characters escaped, a newline at the end. */
export function goJson(value: unknown): string {
  return `${escapeForGo(JSON.stringify(value, null, 4))}\n`;
}
