/** Taking members out of what was decoded: each is there and of the kind that the format wants, or the backup is refused. */
import type { Decoded } from './backup-cbor.ts';
import { damaged } from './backup-cbor.ts';

/** A map of a backup whose members are taken out by name. */
export class Fields {
  private readonly map: ReadonlyMap<string, Decoded>;

  /** @throws OperationError `BACKUP_DAMAGED`, also for a member that is not among `known` */
  constructor(value: Decoded | undefined, known: readonly string[]) {
    if (!(value instanceof Map)) throw damaged('a part of it is missing or of another form');
    for (const name of value.keys()) {
      if (!known.includes(name)) throw damaged('it has a part that its version does not know');
    }
    this.map = value;
  }

  text(name: string): string {
    const value = this.map.get(name);
    return typeof value === 'string' ? value : this.wrong(name);
  }

  optionalText(name: string): string | undefined {
    return this.map.has(name) ? this.text(name) : undefined;
  }

  number(name: string): number {
    const value = this.map.get(name);
    return typeof value === 'number' ? value : this.wrong(name);
  }

  optionalNumber(name: string): number | undefined {
    return this.map.has(name) ? this.number(name) : undefined;
  }

  boolean(name: string): boolean {
    const value = this.map.get(name);
    return typeof value === 'boolean' ? value : this.wrong(name);
  }

  /** @param length what it must have, if that is fixed */
  bytes(name: string, length?: number): Uint8Array {
    const value = this.map.get(name);
    if (!(value instanceof Uint8Array)) return this.wrong(name);
    return length === undefined || value.length === length ? value : this.wrong(name);
  }

  list<T>(name: string, read: (item: Decoded) => T): T[] {
    const value = this.map.get(name);
    return Array.isArray(value) ? value.map(item => read(item)) : this.wrong(name);
  }

  member(name: string): Decoded | undefined {
    return this.map.get(name);
  }

  /** A point in time as JavaScript writes it. */
  time(name: string): string {
    const text = this.text(name);
    return isTime(text) ? text : this.wrong(name);
  }

  optionalTime(name: string): string | undefined {
    return this.map.has(name) ? this.time(name) : undefined;
  }

  private wrong(name: string): never {
    throw damaged(`its “${name}” is missing or of another form`);
  }
}

function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}
