/**
 * `layout.known`: an empty file beside the host key, made once this host knows a layout. Rows that vanish while it
 * stands were lost; whoever loses the whole data directory loses the key too, and comes back as another host.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import type { FirstLife } from '../ring/layout-keeper.ts';

export const openFirstLife = (directory: string): FirstLife => {
  const mark = join(directory, 'layout.known');
  return { isFirst: !existsSync(mark), ended: () => writeFileAtomic(mark, '') };
};
