/**
 * Conditions of a deletion: what the object has to be still, so that what goes is what the caller looked at. Amazon has size and
 * time for directory buckets alone. Pure.
 */
import type { ShoalError } from '../../../proto/error.ts';
import type { Check } from '../object-turn.ts';
import { noObject } from '../object-versions.ts';
import { httpSeconds } from '../time.ts';
import { writeCheck } from './put.ts';
import { s3Error } from './s3-error.ts';
import type { Headers } from './sign/headers.ts';
import { textOf, type XmlNode } from './xml-reader.ts';

export interface DeleteConditions {
  /** An ETag, or `*`. */
  readonly match: string | undefined;
  readonly bytes: number | undefined;
  readonly modifiedSeconds: number | undefined;
}

const numberOf = (name: string, text: string | undefined, read: (text: string) => number) => {
  if (text === undefined) return undefined;
  const value = read(text);
  if (Number.isSafeInteger(value)) return value;
  throw s3Error('InvalidArgument', undefined, {
    fields: { ArgumentName: name, ArgumentValue: text.slice(0, 64) },
  });
};

const bytesIn = (text: string): number => (/^\d+$/.test(text.trim()) ? Number(text) : Number.NaN);
const secondsIn = (text: string): number => Math.floor(Date.parse(text) / 1000);

/** Undefined: there are none. Throws InvalidArgument. */
const conditionsOf = (
  match: string | undefined,
  [sizeName, size]: readonly [string, string | undefined],
  [timeName, time]: readonly [string, string | undefined],
): DeleteConditions | undefined => {
  if (match === undefined && size === undefined && time === undefined) return undefined;
  const bytes = numberOf(sizeName, size, bytesIn);
  return { match, bytes, modifiedSeconds: numberOf(timeName, time, secondsIn) };
};

export const readConditions = (headers: Headers): DeleteConditions | undefined => {
  const of = (name: string) => [name, headers[name]] as const;
  return conditionsOf(
    headers['if-match'],
    of('x-amz-if-match-size'),
    of('x-amz-if-match-last-modified-time'),
  );
};

/** Of one of many. */
export const parseConditions = (object: XmlNode): DeleteConditions | undefined => {
  const of = (name: string) => [name, textOf(object, name)] as const;
  return conditionsOf(textOf(object, 'ETag') || undefined, of('Size'), of('LastModifiedTime'));
};

const failed = (condition: string): ShoalError =>
  s3Error('PreconditionFailed', undefined, { fields: { Condition: condition } });

/**
 * Throws PreconditionFailed. Of what is not there NoSuchKey where its ETag was named, else NOT_FOUND, which a deletion need not
 * tell: as Amazon does.
 */
export const deleteCheck = ({ match, bytes, modifiedSeconds }: DeleteConditions, key: string): Check => {
  const holds = match === undefined ? undefined : writeCheck({ key, headers: { 'if-match': match } });
  return (current) => {
    holds?.(current);
    if (!current) throw noObject(key);
    if (bytes !== undefined && bytes !== (current.large?.bytes ?? current.bytes))
      throw failed('x-amz-if-match-size');
    if (modifiedSeconds !== undefined && modifiedSeconds !== httpSeconds(current.changedAtMs))
      throw failed('x-amz-if-match-last-modified-time');
  };
};

/** The newest version is a deletion, which is as little what was looked at as another object. */
export const markerFailed = (): ShoalError => failed('If-Match');
