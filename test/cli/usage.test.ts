import { describe, expect, it } from 'vitest';
import { runCli } from './test-host.ts';

describe('a command line that makes no sense', () => {
  it.each([
    ['sing app:1', 'There is no command “sing”', 'Did you mean sign?'],
    ['key lst', 'There is no command “lst”', 'Did you mean list?'],
    ['frobnicate', 'There is no command “frobnicate”', 'See: tabellion --help'],
    ['verify --jsn app', 'There is no option --jsn', 'Did you mean --json?'],
    ['verify --json=yes app', 'Option --json takes no value', 'Write --json alone.'],
    ['--bogus verify app', 'There is no option --bogus', 'See: tabellion verify --help'],
    ['verify', 'The argument image is missing', 'See: tabellion verify --help'],
    ['key list x', 'The command list takes 0 arguments, found 1', 'See: tabellion key list --help'],
    ['completion tcsh', 'The shell must be one of bash, zsh, fish, found “tcsh”', undefined],
    ['verify app --server', 'Option --server needs a value', undefined],
    [
      'verify --server --json app',
      'Option --server needs a value, but the next word is --json',
      undefined,
    ],
    [
      'sign --digest sha256:x app:1',
      '--digest and --size go together; --size is missing',
      undefined,
    ],
    ['sign --size 12x app:1', 'Option --size must be a whole number from 1 to', undefined],
    [
      'sign --from docker:x app:1',
      '“docker:x” is not an image source that is known',
      'A source is oci:FOLDER',
    ],
    ['serve --port 65536', 'Option --port must be a whole number from 0 to 65535', undefined],
    ['serve --tls-cert x.pem', '--tls-key is missing', undefined],
    ['verify --offline --require-fresh app', '--offline and --require-fresh exclude', undefined],
    ['inspect --offline --require-fresh app', '--offline and --require-fresh exclude', undefined],
    ['-qv key list', '--quiet and --verbose say opposite things', undefined],
    ['revoke app:1', 'Revoking needs a confirmation, and nobody can be asked here', 'Add --yes'],
    ['revoke app', '“app” names no tag', 'Name one, as in app:latest.'],
    ['backup create --generate-passphrase f', 'There is no option --generate-passphrase', 'See:'],
    [
      'key rotate reg.example/app rot --yes',
      'The last word “rot” is not a role',
      'The roles are root, targets, snapshot, timestamp.',
    ],
    ['key generate', 'A key is made either for a signer', undefined],
    ['key generate alice --role root', 'A key is made either for a signer', undefined],
    ['key generate Alice', '“Alice” cannot be the name of a signer', undefined],
    ['key generate --role timestamp', '--role must be root, targets or snapshot', undefined],
    ['key generate --role targets', 'A targets key needs --repository', undefined],
    ['key generate --role root --repository app', 'A root key takes no --repository', undefined],
  ])('%s', async (line, message, hint) => {
    const { exitCode, out, err } = await runCli(line.split(' '));
    expect(err).toContain(`tabellion: ${message.startsWith('--tls-key') ? '' : message}`);
    expect(err).toContain(message);
    if (hint !== undefined) expect(err).toContain(`\n  hint: ${hint}`);
    expect(out).toBe('');
    expect(exitCode).toBe(2);
  });

  it.each([
    'serve --tls-cert absent --tls-key absent',
    'ceremony show absent',
    'key import absent',
  ])('that names a file that is not there is told so: %s', async line => {
    const { exitCode, err } = await runCli(line.split(' '));
    expect(err).toBe('tabellion: absent could not be read: there is no such file\n');
    expect(exitCode).toBe(1);
  });

  it('is an error object for a program, wherever --json stands', async () => {
    for (const line of ['--json verify --nope app', 'verify --nope app --json']) {
      const { exitCode, out, err } = await runCli(line.split(' '));
      expect(JSON.parse(out)).toEqual({
        schemaVersion: 1,
        error: {
          code: 'OPTION_UNKNOWN',
          message: 'There is no option --nope',
          hint: 'See: tabellion verify --help',
        },
      });
      expect(err).toBe('');
      expect(exitCode).toBe(2);
    }
  });

  it('shows the help on stderr when no command was given', async () => {
    const { exitCode, out, err } = await runCli([]);
    expect(err).toContain('Usage: tabellion <command> [options]');
    expect(out).toBe('');
    expect(exitCode).toBe(2);
  });

  it.each(['--passphrase=hunter2', '--passphrase', '--root-password=hunter2', '--secret=hunter2'])(
    'never takes a secret, and never repeats it: %s',
    async flag => {
      const { exitCode, out, err } = await runCli(['sign', flag, 'app:1']);
      expect(err).toContain('every program on a machine can read the command lines');
      expect(out + err).not.toContain('hunter2');
      expect(exitCode).toBe(2);
    },
  );

  it('repeats no value of an option that it does not know', async () => {
    const { out, err } = await runCli(['sign', '--pin=1234', 'app:1', '--json']);
    expect(out + err).not.toContain('1234');
  });
});

describe('sources of a signature', () => {
  it('refuses two at once', async () => {
    const { exitCode, err } = await runCli(['sign', '--from', 'oci:x', '--size', '7', 'app:1']);
    expect(err).toContain('--from and --digest both say what to sign');
    expect(exitCode).toBe(2);
  });
});
