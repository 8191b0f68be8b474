/** What a request says of the checksum of its body: in a header, or that it comes in a trailer. One at most. */
import { s3Error } from '../s3-error.ts';
import {
  type ChecksumName,
  checksumHeader,
  checksumNames,
  checksumOfHeader,
  isChecksumValue,
} from './checksum.ts';
import type { Headers } from './headers.ts';

export interface GivenChecksum {
  readonly name: ChecksumName;
  /** Base64. One that comes behind the body is '' until the body has ended. */
  readonly value: string;
}

const tooMany = (): never => {
  throw s3Error(
    'InvalidRequest',
    'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
  );
};

const otherWords = ['algorithm', 'mode', 'type'].map((word) => `x-amz-checksum-${word}`);

/** At most one may be given. */
export const givenChecksum = (headers: Headers): GivenChecksum | undefined => {
  const strange = Object.keys(headers).find(
    (name) => name.startsWith('x-amz-checksum-') && !checksumOfHeader(name) && !otherWords.includes(name),
  );
  if (strange !== undefined)
    throw s3Error('InvalidRequest', 'The algorithm type you specified in x-amz-checksum- header is invalid.');
  const given = checksumNames.flatMap((name) => {
    const value = headers[checksumHeader(name)];
    return value === undefined ? [] : [{ name, value: value.trim() }];
  });
  const [first, second] = given;
  if (second) tooMany();
  if (first && !isChecksumValue(first.name, first.value))
    throw s3Error('InvalidRequest', `Value for ${checksumHeader(first.name)} header is invalid.`);
  return first;
};

/** `x-amz-trailer`, and what SDKs say of the checksum that they send. Throws InvalidRequest. */
export const announcedTrailers = (
  headers: Headers,
  given: GivenChecksum | undefined,
): readonly ChecksumName[] => {
  const { 'x-amz-trailer': trailer, 'x-amz-sdk-checksum-algorithm': said } = headers;
  // Commas behind the last mean nothing.
  const names = (trailer?.replace(/,+$/, '').split(',') ?? []).map((header) => {
    const name = checksumOfHeader(header);
    if (!name)
      throw s3Error('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported');
    return name;
  });
  if (names.length > 1) tooMany();
  if (given && names.length > 0) throw s3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header');
  if (said === undefined) return names;
  const name = given?.name ?? names[0];
  if (!name)
    throw s3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    );
  if (said.trim().toUpperCase() !== name)
    throw s3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  return names;
};
