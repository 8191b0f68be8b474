/**
 * The one error class and the one table of codes. A code says what happened; the table says what that means
 * to HTTP, to a shell and to whoever may try again. HTTP itself appears only at the API (`agent/http`).
 *
 * A message says the action, the value and the wish:
 * `Cannot place server "db1": 3 of 5 hosts lack 16384 MiB, the largest free is 8192`.
 */
interface ErrorMeaning {
  /** HTTP status that an API answers with. */
  readonly status: number;
  /** Exit status of the `shoal` command: 1 other, 2 usage, 3 not found, 4 conflict, 5 not allowed, 6 unavailable. */
  readonly exit: number;
  /** May the same call, unchanged, succeed a little later? */
  readonly retryable: boolean;
  readonly meaning: string;
}

const meaning = (status: number, exit: number, retryable: boolean, text: string): ErrorMeaning => ({
  status,
  exit,
  retryable,
  meaning: text,
});

export const errorTable = {
  BAD_REQUEST: meaning(400, 2, false, 'a value is wrong; nothing was changed'),
  NOT_AUTHENTICATED: meaning(401, 5, false, 'no valid credentials came with the call'),
  FORBIDDEN: meaning(403, 5, false, 'the caller may not do this'),
  NOT_FOUND: meaning(404, 3, false, 'there is no such thing, or the caller may not know of it'),
  METHOD_NOT_ALLOWED: meaning(405, 2, false, 'the path exists, the method does not'),
  NOT_ACCEPTABLE: meaning(406, 2, false, 'no version or format that was asked for is served'),
  TIMEOUT: meaning(
    504,
    6,
    true,
    'another host did not answer in time; the change may or may not have happened',
  ),
  CLIENT_TIMEOUT: meaning(408, 6, true, 'the client stopped sending before the end of its body'),
  CONFLICT: meaning(409, 4, false, 'the thing is in a state, or has a namesake, that forbids this'),
  GONE: meaning(410, 3, false, 'it was here once'),
  LENGTH_REQUIRED: meaning(411, 2, false, 'the body needs a length or chunked transfer'),
  PRECONDITION_FAILED: meaning(412, 4, false, 'a condition that the caller set does not hold'),
  TOO_LARGE: meaning(413, 2, false, 'the body or value is beyond a limit (docs/LIMITS.md)'),
  UNSUPPORTED_MEDIA: meaning(415, 2, false, 'the body has a type that this call does not take'),
  RANGE_NOT_SATISFIABLE: meaning(416, 2, false, 'no byte of the object lies in the range'),
  UNPROCESSABLE: meaning(422, 2, false, 'the body does not match the checksum that came with it'),
  ABORTED: meaning(499, 1, false, 'the caller went away'),
  INTERNAL: meaning(500, 1, false, 'a bug; the agent log has the cause under the request id'),
  DAMAGED: meaning(500, 1, true, 'no good copy could be read'),
  NOT_IMPLEMENTED: meaning(501, 1, false, 'the API has this call, shoal does not yet'),
  QUORUM_MISSED: meaning(
    503,
    6,
    true,
    'too few owners of the row answered; the change may or may not have happened',
  ),
  UNREACHABLE: meaning(503, 6, true, 'a host could not be reached'),
  BUSY: meaning(503, 6, true, 'a bound of this host is reached (docs/LIMITS.md)'),
  CONTENDED: meaning(503, 6, true, 'too many callers changed the same row; nothing was changed by this one'),
  STALE_LAYOUT: meaning(503, 6, true, 'the sender works with a layout that is no longer served'),
  RANGE_MOVED: meaning(503, 6, true, 'the rows have other owners by now, and who asked did not find them'),
  RATE_LIMITED: meaning(429, 6, true, 'the caller does this more often than the operator lets it'),
  NO_CAPACITY: meaning(409, 4, true, 'no host has the room that was asked for'),
  DISK_FULL: meaning(507, 6, false, 'a data directory is full'),
  NOT_ON_ROSTER: meaning(403, 5, false, 'the host is not one of the cluster'),
  INVITE_REFUSED: meaning(403, 5, false, 'the invite is unknown, used or expired'),
} as const satisfies Record<string, ErrorMeaning>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorOptions {
  /** Values for programs: what was needed, what was there. Plain data, it may travel. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class ShoalError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ShoalError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get status(): number {
    return errorTable[this.code].status;
  }
  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** Any thrown value as a ShoalError: an unknown one is a bug and becomes INTERNAL with its cause kept. */
export const asShoalError = (thrown: unknown): ShoalError =>
  thrown instanceof ShoalError
    ? thrown
    : new ShoalError('INTERNAL', 'Something went wrong inside the agent', { cause: thrown });

export const hasCode = (thrown: unknown, ...codes: ErrorCode[]): thrown is ShoalError =>
  thrown instanceof ShoalError && codes.includes(thrown.code);
