/** A process that publishes as fast as it can, and tells of each batch that is stored. */
import { FolderStorage } from '../../src/embedded-server/folder-storage.ts';

const GUN = 'localhost:5000/team/app';
const storage = await FolderStorage.open(process.argv[2] ?? '');
let version = (await storage.newest(GUN, 'targets'))?.version ?? 0;
for (;;) {
  version += 1;
  const file = (role: string) => ({ role, version, bytes: Buffer.from(`${role} ${version}`) });
  const files = [file('targets'), file('timestamp')];
  await storage.append({ gun: GUN, files, signedBy: [], at: new Date() });
  process.send?.(version);
}
