import { fails, type Scenario, works } from '../scenario.ts';
import { someFiles } from './files.ts';

const auth = (text: string) => ({ env: { NOTARY_AUTH: Buffer.from(text).toString('base64') } });

/** A server that wants tokens. */
export const credentials: Scenario = {
  name: 'credentials',
  server: 'token',
  steps: [
    someFiles,
    fails('init as nobody', 'init {gun}', { undone: true }),
    works('init', 'init {gun} -p', auth('publisher:let me in')),
    works('add', 'add {gun} one one.txt -p', auth('publisher:let me in')),
    works('list', 'list {gun}', auth('reader:just looking')),
    works('a password with blanks around it', 'list {gun}', auth('reader: just looking \n')),
    fails('publish as a reader', 'publish {gun}', auth('reader:just looking')),
    fails('a wrong password', 'publish {gun}', auth('publisher:wrong')),
    fails('an unknown user', 'publish {gun}', auth('nobody:wrong')),
    fails('no Base64', 'publish {gun}', { env: { NOTARY_AUTH: '!!!' } }),
    fails('no colon', 'publish {gun}', auth('publisher')),
    fails('no user', 'publish {gun}', auth(':let me in')),
    works('Base64 in lines', 'publish {gun}', {
      env: {
        NOTARY_AUTH: Buffer.from('publisher:let me in')
          .toString('base64')
          .replace(/^(.{8})/, '$1\n'),
      },
    }),
    works('typed', 'publish {gun}', { stdin: 'publisher\nlet me in\n' }),
    fails('typed wrongly', 'publish {gun}', { stdin: 'publisher\nwrong\n' }),
    fails('typed, the end comes early', 'publish {gun}', { stdin: 'publisher\n' }),
    fails('delete as a reader', 'delete {gun} --remote', auth('reader:just looking')),
    fails('rotate as a reader', 'key rotate {gun} targets', {
      ...auth('reader:just looking'),
      undone: true,
    }),
    works('rotate', 'key rotate {gun} snapshot -r', auth('publisher:let me in')),
    fails('in clear', 'publish {gun}', { env: { NOTARY_AUTH: 'publisher:let me in' } }),
    works('delete', 'delete {gun} --remote', auth('publisher:let me in')),
    fails(
      'a server that wants Basic: list',
      'list {gun} -s {odd}/basic',
      auth('publisher:let me in'),
    ),
  ],
};
