/** What policies and access lists ask of a request, and who it is to whoever hears of its change. */
import type { Caller } from '../access-list.ts';
import { type Facts, factsOf } from '../bucket-policy/facts.ts';
import { askerOf } from '../events/asker.ts';
import type { S3Ask } from './ask.ts';

export const callerOf = ({
  principal,
  headers,
  query,
  remoteAddress,
  origin,
  requestId,
  trail,
}: Pick<
  S3Ask,
  'principal' | 'headers' | 'query' | 'remoteAddress' | 'origin' | 'requestId' | 'trail'
>): Caller => ({
  principal,
  asker: askerOf({ principal, remoteAddress, requestId }),
  referrer: headers.referer,
  usedList: () => {
    trail.isByList = true;
  },
  facts: (project, nowMs) =>
    factsOf({
      ...{ principal, project, headers, query, remoteAddress, nowMs },
      isSecure: origin.startsWith('https:'),
    }),
});

/** The same caller, of whose request more is known. */
export const knowing = (caller: Caller, more: Iterable<readonly [string, readonly string[]]>): Caller => ({
  ...caller,
  facts: (...of): Facts => new Map([...(caller.facts?.(...of) ?? []), ...more]),
});
