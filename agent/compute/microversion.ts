/**
 * Microversions of Compute: the client names one in a header, every answer says which one it is in.
 * 2.2 gives key pairs a type and other statuses; what lies above is not served.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ShoalError } from '../../proto/error.ts';

export const oldest = '2.1';
export const newest = '2.2';

export interface Microversion {
  readonly text: string;
  readonly minor: number;
}

const minorOf = (text: string): number => Number(text.slice(2));

/** Throws BAD_REQUEST on what is no version, NOT_ACCEPTABLE on one that is not served. */
export const readMicroversion = (headers: IncomingHttpHeaders): Microversion => {
  const wide = /(?:^|,)\s*compute\s+([^,\s]+)/i.exec(String(headers['openstack-api-version'] ?? ''))?.[1];
  const wanted = wide ?? headers['x-openstack-nova-api-version'];
  const text = wanted === undefined ? oldest : String(wanted) === 'latest' ? newest : String(wanted);
  if (!/^[1-9]\d*\.(0|[1-9]\d*)$/.test(text))
    throw new ShoalError(
      'BAD_REQUEST',
      `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`,
    );
  if (!text.startsWith('2.') || minorOf(text) < minorOf(oldest) || minorOf(text) > minorOf(newest))
    throw new ShoalError(
      'NOT_ACCEPTABLE',
      `Version ${text} is not supported by the API. Minimum is ${oldest} and maximum is ${newest}.`,
    );
  return { text, minor: minorOf(text) };
};

export const microversionHeaders = (version: string): Record<string, string> => ({
  'X-OpenStack-Nova-API-Version': version,
  'OpenStack-API-Version': `compute ${version}`,
  Vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
});
