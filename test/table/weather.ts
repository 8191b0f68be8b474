import { type ErrorCode, hasCode } from '../../proto/error.ts';

/** Failures that a test expects, as against bugs that it must let through. */
export const isShoalError = (thrown: unknown, ...codes: ErrorCode[]): boolean => hasCode(thrown, ...codes);
