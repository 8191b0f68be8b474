/**
 * Object lock: a version that nobody may delete before a moment (retention), or until a hold is taken off. In
 * compliance mode nobody at all; in governance mode whoever may bypass it. S3's; Swift's door respects it.
 */
import { ShoalError } from '../../proto/error.ts';

export const lockModes = ['GOVERNANCE', 'COMPLIANCE'] as const;
export type LockMode = (typeof lockModes)[number];

export interface Retention {
  readonly mode: LockMode;
  readonly untilMs: number;
}

/** Of one version. */
export interface Lock {
  readonly retention?: Retention | undefined;
  readonly hold?: boolean | undefined;
}

/** Why it is locked; undefined: it is not. */
export const lockReason = (lock: Lock | undefined, nowMs: number, bypasses: boolean): string | undefined => {
  if (lock?.hold) return 'it is under a legal hold';
  const { retention } = lock ?? {};
  if (!retention || retention.untilMs <= nowMs) return undefined;
  if (retention.mode === 'GOVERNANCE' && bypasses) return undefined;
  return `it is locked until ${new Date(retention.untilMs).toISOString()}`;
};

/** Throws FORBIDDEN. */
export const checkUnlocked = (
  { lock }: { readonly lock?: Lock | undefined },
  nowMs: number,
  bypasses = false,
): void => {
  const why = lockReason(lock, nowMs, bypasses);
  if (why !== undefined)
    throw new ShoalError(
      'FORBIDDEN',
      `Access Denied because object protected by object lock: cannot delete this version, ${why}.`,
    );
};
