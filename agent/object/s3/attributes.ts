/** GetObjectAttributes: what HEAD tells and more, as XML, and only what is asked for. */
import type { ApiAnswer } from '../../http/port.ts';
import { partsOf } from '../long-parts.ts';
import type { ObjectRow } from '../records.ts';
import { httpDate } from '../time.ts';
import type { S3Ask, S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { versionHeader } from './facts.ts';
import { keysMax } from './limits.ts';
import { openObject } from './object.ts';
import { s3Error } from './s3-error.ts';
import { kindOfValue } from './sign/joined-checksum.ts';
import { storageClassOf } from './storage-class.ts';
import { versionAsked } from './version.ts';
import { element, optional, root, type Xml } from './xml.ts';

const known = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

/** Throws InvalidArgument. */
const attributesAsked = ({ headers }: S3Ask): ReadonlySet<string> => {
  const names = (headers['x-amz-object-attributes'] ?? '').split(',').map((name) => name.trim());
  const strange = names.find((name) => !known.includes(name));
  if (strange !== undefined) throw s3Error('InvalidArgument', 'Invalid attribute name specified.');
  return new Set(names);
};

const partsXml = (row: ObjectRow, { headers }: S3Ask): Xml | undefined => {
  const parts = partsOf(row);
  if (!parts) return undefined;
  const number = (name: string, otherwise: number): number => {
    const value = headers[name];
    return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) : otherwise;
  };
  const max = Math.min(keysMax, number('x-amz-max-parts', keysMax));
  const marker = number('x-amz-part-number-marker', 0);
  const rest = parts.filter((part) => part.number > marker);
  const page = rest.slice(0, max);
  return element('ObjectParts', [
    // The number of all parts has this name in the XML.
    element('PartsCount', parts.length),
    element('PartNumberMarker', marker),
    optional('NextPartNumberMarker', page.at(-1)?.number),
    element('MaxParts', max),
    element('IsTruncated', rest.length > page.length),
    ...page.map(({ number: partNumber, bytes, checksum }) =>
      element('Part', [
        element('PartNumber', partNumber),
        element('Size', bytes),
        optional(`Checksum${checksum?.name ?? ''}`, checksum?.value),
      ]),
    ),
  ]);
};

export const getAttributes = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const asked = attributesAsked(ask);
  const { bucket, row, thing } = await openObject(
    context,
    ask,
    { name: 's3:GetObjectAttributes', use: 'readObject' },
    { bucket: ask.bucket, key: ask.key, versionId: versionAsked(ask) },
  );
  const { checksum } = row;
  const when = (name: string, xml: Xml | undefined): Xml | undefined => (asked.has(name) ? xml : undefined);
  return xmlAnswer(
    root('GetObjectAttributesResponse', [
      when('ETag', element('ETag', thing.etag)),
      when(
        'Checksum',
        checksum &&
          element('Checksum', [
            element(`Checksum${checksum.name}`, checksum.value),
            element('ChecksumType', kindOfValue(checksum.value)),
          ]),
      ),
      when('ObjectParts', partsXml(row, ask)),
      when('StorageClass', element('StorageClass', storageClassOf(row))),
      when('ObjectSize', element('ObjectSize', thing.bytes)),
    ]),
    { 'Last-Modified': httpDate(thing.changedAtMs), ...versionHeader(bucket.row, row) },
  );
};
