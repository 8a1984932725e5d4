import { fails, type Scenario, works } from '../scenario.ts';
import { someFiles } from './files.ts';

export const deletion: Scenario = {
  name: 'delete-one',
  steps: [
    someFiles,
    fails('no GUN', 'delete'),
    works('what is not there', 'delete {gun}'),
    works('what is not there, on the server too', 'delete {gun} --remote'),
    works('init', 'init {gun} -p'),
    works('a target', 'add {gun} one one.txt -p'),
    works('list', 'list {gun}'),
    works('stage', 'add {gun} two two.txt'),
    works('delete the copy', 'delete {gun}'),
    works('status after', 'status {gun}'),
    works('list again', 'list {gun}'),
    works('publish after', 'add {gun} two two.txt -p'),
    fails('the server is away', 'delete {gun} --remote -s {closed}'),
    works('the copy, while the server is away', 'delete {gun} -s {closed}'),
    works('list after that', 'list {gun}'),
    works('delete everywhere', 'delete {gun} --remote'),
    fails('list what is gone', 'list {gun}'),
    works('keys are left', 'key list'),
    works('init anew', 'init {gun} -p'),
    works('list anew', 'list {gun}'),
    works('more arguments', 'delete {gun} more'),
    works('a name that leads out', 'delete ..', { undone: true }),
    fails('a server that fails', 'delete {gun} --remote -s {odd}/metadata-500'),
    fails('a server that forbids', 'delete {gun} --remote -s {odd}/metadata-403'),
    works('list in the end', 'list {gun}'),
  ],
};

/** One repository's name begins another's. */
export const nestedDeletion: Scenario = {
  name: 'delete-nested',
  steps: [
    someFiles,
    works('init', 'init {gun} -p'),
    works('a repository below', 'init {gun}/below -p'),
    works('list', 'list {gun}'),
    works('list the one below', 'list {gun}/below'),
    works('stage in the one below', 'add {gun}/below one one.txt'),
    works('delete', 'delete {gun}'),
    works('status of the one below', 'status {gun}/below'),
    works('delete the one below', 'delete {gun}/below'),
    works('list both', 'list {gun}'),
    works('list both, the one below', 'list {gun}/below'),
    works('delete the one below everywhere', 'delete {gun}/below --remote'),
    works('the one above is left', 'list {gun}'),
  ],
};
