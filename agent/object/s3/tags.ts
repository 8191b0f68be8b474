/** Tags of objects and buckets: as XML, and as the query string of `x-amz-tagging`. Pure. */
import type { Metadata } from '../metadata.ts';
import { bucketTagsMax, objectTagsMax, tagNameCharactersMax, tagValueCharactersMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, root, type Xml } from './xml.ts';
import { childOf, childrenOf, wantedText, type XmlNode } from './xml-reader.ts';

const known = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** Throws InvalidTag, BadRequest. */
const checkTags = (pairs: readonly (readonly [string, string])[], max: number): Metadata => {
  if (pairs.length > max) throw s3Error('InvalidTag', `Object tags cannot be greater than ${max}`);
  for (const [name, value] of pairs) {
    if (name === '' || name.length > tagNameCharactersMax || !known.test(name) || name.startsWith('aws:'))
      throw s3Error('InvalidTag', 'The TagKey you have provided is invalid', { fields: { TagKey: name } });
    if (value.length > tagValueCharactersMax || !known.test(value))
      throw s3Error('InvalidTag', 'The TagValue you have provided is invalid', { fields: { TagKey: name } });
  }
  const tags = new Map(pairs);
  if (tags.size < pairs.length) throw s3Error('InvalidTag', 'Cannot provide multiple Tags with the same key');
  return Object.fromEntries(tags);
};

/** `Tagging/TagSet/Tag*`. Throws MalformedXML, InvalidTag. */
export const parseTagging = (node: XmlNode, of: 'object' | 'bucket'): Metadata => {
  const set = childOf(node, 'TagSet');
  if (!set) throw s3Error('MalformedXML');
  return checkTags(
    childrenOf(set, 'Tag').map((tag) => [wantedText(tag, 'Key'), wantedText(tag, 'Value')] as const),
    of === 'object' ? objectTagsMax : bucketTagsMax,
  );
};

/** `colour=blue&shape=round`. Undefined: none were given. Throws InvalidArgument, InvalidTag. */
export const parseTaggingHeader = (header: string | undefined): Metadata | undefined => {
  if (header === undefined) return undefined;
  return checkTags([...new URLSearchParams(header)], objectTagsMax);
};

const tagsXml = (tags: Metadata): Xml =>
  element(
    'TagSet',
    // In one order, however they came.
    Object.entries(tags)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => element('Tag', [element('Key', name), element('Value', value)])),
  );

export const taggingText = (tags: Metadata): string => root('Tagging', [tagsXml(tags)]);
