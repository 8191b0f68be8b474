/** All decoders that face bytes from outside, in an order that stays: an input's number chooses its target. */

import type { Target } from './target.ts';
import { diskTargets } from './targets/disk.ts';
import { documentTargets } from './targets/document.ts';
import { groundTargets } from './targets/ground.ts';
import { peerTargets } from './targets/peer.ts';
import { s3Targets } from './targets/s3.ts';
import { serviceTargets } from './targets/service.ts';

export const openTargets = async (): Promise<readonly Target[]> => [
  ...(await peerTargets()),
  ...(await groundTargets()),
  ...serviceTargets(),
  ...(await diskTargets()),
  ...s3Targets(),
  ...documentTargets(),
];
