import { randomBytes } from 'node:crypto';
import type { Chance } from '../ports.ts';

/** `random` is for jitter and choice, `bytes` also for secrets: the kernel's generator stands behind it. */
export const systemChance: Chance = {
  random: () => Math.random(),
  bytes: (length) => Uint8Array.from(randomBytes(length)),
};
