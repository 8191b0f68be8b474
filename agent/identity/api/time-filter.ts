/** `?password_expires_at=lt:2027-01-01T00:00:00Z`: users by the end of their password. */
import { badRequest } from '../error.ts';

const comparisons: Readonly<Record<string, (atMs: number, limitMs: number) => boolean>> = {
  lt: (atMs, limitMs) => atMs < limitMs,
  lte: (atMs, limitMs) => atMs <= limitMs,
  gt: (atMs, limitMs) => atMs > limitMs,
  gte: (atMs, limitMs) => atMs >= limitMs,
  eq: (atMs, limitMs) => atMs === limitMs,
  neq: (atMs, limitMs) => atMs !== limitMs,
};

/** Throws BAD_REQUEST. Passwords without an end match no time. */
export const matchesEnd = (query: URLSearchParams) => {
  const wanted = query.getAll('password_expires_at').map((text) => {
    const [, operator = 'eq', time = ''] = /^(?:(\w+):)?(\d{4}-.*)$/.exec(text) ?? [];
    const compare = comparisons[operator];
    const limitMs = Date.parse(time);
    if (!compare || Number.isNaN(limitMs))
      throw badRequest(
        `Cannot filter by password_expires_at ${text}: say lt:2027-01-01T00:00:00Z or the like`,
      );
    return { compare, limitMs };
  });
  return ({ password_expires_at: end }: { readonly password_expires_at: string | null }): boolean =>
    wanted.every(({ compare, limitMs }) => end !== null && compare(Date.parse(end), limitMs));
};
