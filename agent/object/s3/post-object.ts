/**
 * POST of a form to a bucket: a page whose owner signed a policy stores a file from a browser. The fields come first,
 * `file` is the last that counts.
 */
import { hasCode } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { requestTagFacts } from '../bucket-policy/facts.ts';
import { type FormPart, formParts } from '../form.ts';
import { objectBytesMax } from '../limits.ts';
import type { Metadata } from '../metadata.ts';
import { storeInto } from '../store-object.ts';
import { checkKey } from './address.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { openTarget } from './bucket-access.ts';
import { callerOf, knowing } from './caller.ts';
import { checksumHeaders, etagOf, factsOfPut, newVersionHeader } from './facts.ts';
import { checkFormPolicy, type LengthRange } from './form-policy.ts';
import { formFieldBytesMax, formFieldsMax } from './limits.ts';
import { ownerFacts } from './object-owner.ts';
import { orNoBucket } from './put.ts';
import { s3Error } from './s3-error.ts';
import { checkedBody } from './sign/payload.ts';
import { sealAsked, sealHeaders } from './sse.ts';
import { storageClassAsked } from './storage-class.ts';
import { parseTagging } from './tags.ts';
import { element, xmlDocument, xmlType } from './xml.ts';
import { parseXml } from './xml-reader.ts';

/** Fields that an object keeps, or that say something about the answer; other `x-amz-` ones are not served here. */
const isServed = (name: string): boolean =>
  !name.startsWith('x-amz-') ||
  /^x-amz-(meta-.*|algorithm|credential|date|signature|storage-class|grant-.*)$/.test(name) ||
  /^x-amz-(checksum-.*|server-side-encryption.*)$/.test(name);

type File = Extract<FormPart, { kind: 'file' }>;

const lost = (message: string) => s3Error('InvalidArgument', message);

/** The fields before the file, and the file. Throws MalformedPOSTRequest, InvalidArgument. */
const openForm = async (
  parts: AsyncIterator<FormPart>,
): Promise<{ readonly fields: Map<string, string>; readonly file: File }> => {
  const fields = new Map<string, string>();
  for (;;) {
    const { done, value: part } = await parts.next().catch((cause) => {
      if (hasCode(cause, 'BAD_REQUEST')) throw s3Error('MalformedPOSTRequest', undefined, { cause });
      if (hasCode(cause, 'TOO_LARGE')) throw s3Error('MaxPostPreDataLengthExceededError');
      throw cause;
    });
    if (done) throw lost('POST requires exactly one file upload per request.');
    if (part.kind === 'file') return { fields, file: part };
    const name = part.name.toLowerCase();
    if (fields.has(name)) throw lost(`The form has the field ${JSON.stringify(name)} twice`);
    fields.set(name, part.value);
  }
};

/** Throws in place of its end when it is too short, and where it is too long. */
async function* within(
  source: AsyncIterable<Uint8Array>,
  { bytesMin, bytesMax }: LengthRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > bytesMax)
      throw s3Error('EntityTooLarge', undefined, { fields: { MaxSizeAllowed: String(bytesMax) } });
    yield piece;
  }
  if (bytes < bytesMin)
    throw s3Error('EntityTooSmall', undefined, {
      fields: { ProposedSize: String(bytes), MinSizeAllowed: String(bytesMin) },
    });
}

/** The field `tagging` has them as XML. Throws MalformedXML, InvalidTag. */
const tagsOfForm = (fields: ReadonlyMap<string, string>): Metadata | undefined => {
  const text = fields.get('tagging');
  if (text === undefined) return undefined;
  const node = parseXml(text);
  if (node.name !== 'Tagging') throw s3Error('MalformedXML');
  return parseTagging(node, 'object');
};

const redirectOf = (fields: ReadonlyMap<string, string>): URL | undefined => {
  const text = fields.get('success_action_redirect') ?? fields.get('redirect');
  return text !== undefined && URL.canParse(text) && /^https?:/i.test(text) ? new URL(text) : undefined;
};

const answerTo = (
  { bucket, origin, isVirtualHost }: S3Ask,
  fields: ReadonlyMap<string, string>,
  key: string,
  headers: Record<string, string>,
): ApiAnswer => {
  const redirect = redirectOf(fields);
  const etag = headers.ETag ?? '';
  if (redirect) {
    for (const [name, value] of Object.entries({ bucket, key, etag })) redirect.searchParams.set(name, value);
    return { status: 303, headers: { ...headers, Location: redirect.href }, body: '' };
  }
  const path = key.split('/').map(encodeURIComponent).join('/');
  const location = `${origin}${isVirtualHost ? '' : `/${bucket}`}/${path}`;
  const status = Number(fields.get('success_action_status'));
  if (status !== 201)
    return { status: status === 200 ? 200 : 204, headers: { ...headers, Location: location }, body: '' };
  return {
    status: 201,
    headers: { ...headers, Location: location, 'Content-Type': xmlType },
    // Alone of all answers it is in no namespace.
    body: xmlDocument(
      element('PostResponse', [
        element('Location', location),
        element('Bucket', bucket),
        element('Key', key),
        element('ETag', etag),
      ]),
    ),
  };
};

/** Throws AccessDenied, InvalidPolicyDocument, EntityTooLarge, EntityTooSmall, and what signing in throws. */
export const postObject = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const contentType = ask.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;.*boundary=/i.test(contentType))
    throw s3Error('PreconditionFailed', 'Bucket POST must be of the enclosure-type multipart/form-data');
  const parts = formParts(ask.body, contentType, {
    fieldsMax: formFieldsMax,
    fieldBytesMax: formFieldBytesMax,
    // Some clients give each field a file's name.
    isFile: (name) => name.toLowerCase() === 'file',
  });
  try {
    const { fields, file } = await openForm(parts);
    const strange = [...fields.keys()].find((name) => !isServed(name));
    if (strange !== undefined) throw s3Error('NotImplemented', undefined, { fields: { Field: strange } });
    const given = fields.get('key');
    if (!given) throw lost("Bucket POST must contain a field named 'key'.");
    const key = checkKey(given.replaceAll(/\$\{filename\}/g, () => file.name.replace(/^.*[\\/]/s, '')));
    if (key === '' || key.includes('\0')) throw lost('The key is none');
    const principal = await context.signForm(fields, ask);
    ask.trail.principal = principal;
    const filled = new Map([...fields, ['key', key], ['bucket', ask.bucket]]);
    const policy = fields.get('policy');
    const range =
      policy === undefined ? undefined : checkFormPolicy(policy, filled, context.runtime.clock.wallMs());
    // What would be headers of a PUT comes as fields here. Text of a form is UTF-8, a header's one character a byte.
    const headers = Object.fromEntries(
      [...fields].map(([name, value]) => [
        name === 'acl' ? 'x-amz-acl' : name,
        Buffer.from(value).toString('latin1'),
      ]),
    );
    const tags = tagsOfForm(fields);
    const caller = callerOf({ ...ask, principal, headers: { ...ask.headers, ...headers } });
    const asked: S3Ask = {
      ...{ ...ask, key, headers, principal },
      caller: tags ? knowing(caller, requestTagFacts(tags)) : caller,
    };
    const target = await openTarget(context, asked, { name: 's3:PutObject', use: 'writeObject' });
    const { body, checksum } = checkedBody(
      within(file.body, range ?? { bytesMin: 0, bytesMax: objectBytesMax }),
      headers,
    );
    const row = await storeInto(context, target, {
      source: body,
      checksum: () => checksum,
      wish: sealAsked(headers),
      facts: { ...factsOfPut(headers), ...ownerFacts(asked, target), ...(tags && { tags }) },
      storageClass: storageClassAsked(context, headers),
      signal: ask.signal,
      how: 'ObjectCreated:Post',
    }).catch(orNoBucket(ask.bucket));
    record(context, asked, 'object.put', { bytes: row.bytes, by: 'form' });
    return answerTo(ask, fields, key, {
      ETag: etagOf(row),
      ...checksumHeaders(row),
      ...sealHeaders(row),
      ...newVersionHeader(target.container, row),
    });
  } finally {
    await parts.return();
  }
};
