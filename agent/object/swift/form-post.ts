/**
 * FormPost: a page that its owner signed uploads files from a browser, without a token. The fields come first
 * (`redirect`, `max_file_size`, `max_file_count`, `expires`, `signature`, `x_delete_at`, `x_delete_after`), then
 * the files; each is stored under the form's path with its own name behind it.
 */
import { asShoalError, ShoalError } from '../../../proto/error.ts';
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Caller } from '../access-list.ts';
import type { Context } from '../context.ts';
import { type FormPart, formParts } from '../form.ts';
import { headerText } from '../metadata.ts';
import { accountOf, checkPath, type ObjectPath, parsePath } from '../name.ts';
import { parseExpires, signedBy, signingKeys } from '../signature.ts';
import { storeObject } from '../store-object.ts';
import { type Ask, record } from './ask.ts';
import { statusText } from './bulk-report.ts';
import { typeOfName } from './content-type.ts';
import { factsOfPut } from './facts.ts';

export const isForm = ({ method, headers }: Ask): boolean =>
  method === 'POST' && /^multipart\/form-data\s*;.*boundary=/i.test(headers['content-type'] ?? '');

const refuse = (why: string): never => {
  throw new ShoalError('BAD_REQUEST', `FormPost: ${why}`);
};

interface Signed {
  readonly caller: Caller;
  readonly fileBytesMax: number;
  readonly filesMax: number;
}

type Fields = Readonly<Record<string, string>>;

/** Throws NOT_AUTHENTICATED, BAD_REQUEST on numbers that are none. */
const checkSignature = async (context: Context, path: ObjectPath, fields: Fields): Promise<Signed> => {
  const { redirect = '', max_file_size: size = '', max_file_count: count = '', expires = '' } = fields;
  const unauthorized = (why: string): never => {
    throw new ShoalError('NOT_AUTHENTICATED', `FormPost: ${why}`);
  };
  if (!/^\d{1,15}$/.test(size)) refuse('max_file_size not an integer');
  if (!/^\d{1,6}$/.test(count)) refuse('max_file_count not an integer');
  const expiresSeconds = parseExpires(expires);
  if (expiresSeconds === undefined) return refuse('expired not an integer');
  if (expiresSeconds * 1000 <= context.runtime.clock.wallMs()) return unauthorized('Form Expired');
  const name = `/v1/${accountOf(path.project)}/${path.container}${path.object === '' ? '' : `/${path.object}`}`;
  const forms = [name, `${name}/`].flatMap((form) => [form, `${apiPrefix.object}${form}`]);
  const texts = forms.map((form) => [form, redirect, size, count, expires].join('\n'));
  const keys = await signingKeys(context, path.project, path.container);
  if (!signedBy(fields.signature ?? '', texts, keys)) return unauthorized('Invalid Signature');
  return {
    caller: { grant: { project: path.project, container: path.container, write: true } },
    fileBytesMax: Number(size),
    filesMax: Number(count),
  };
};

type FilePart = Extract<FormPart, { kind: 'file' }>;

const storeFile = async (
  context: Context,
  request: Ask,
  { path, file, fields, signed }: { path: ObjectPath; file: FilePart; fields: Fields; signed: Signed },
): Promise<void> => {
  const to = checkPath({ ...path, object: `${path.object}${file.name}` });
  const headers = {
    ...(file.type === '' ? {} : { 'content-type': file.type }),
    ...(fields.x_delete_at ? { 'x-delete-at': fields.x_delete_at } : {}),
    ...(fields.x_delete_after ? { 'x-delete-after': fields.x_delete_after } : {}),
  };
  const row = await storeObject(context, to, signed.caller, {
    source: file.body,
    facts: factsOfPut(headers, context.runtime.clock.wallMs(), typeOfName(file.name)),
    bytesMax: signed.fileBytesMax,
    signal: request.signal,
    how: 'ObjectCreated:Post',
  });
  record(context, request, 'object.put', to, { bytes: row.bytes, by: 'form' });
};

/** The browser is sent back to the page's own site with what became of it; without one it is told here. */
const answerTo = (redirect: string | undefined, status: number, message: string): ApiAnswer => {
  const headers = { 'Content-Type': 'text/html; charset=UTF-8' };
  if (!redirect) return { status, headers, body: `${statusText(status)}\n${message}\n` };
  const query = `status=${status}&message=${encodeURIComponent(message)}`;
  return {
    status: 303,
    headers: { ...headers, Location: `${redirect}${redirect.includes('?') ? '&' : '?'}${query}` },
    body: `<html><body><p><a href="">Click to continue...</a></p></body></html>`,
  };
};

export const postForm = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const path = checkPath(parsePath(request.params));
  if (path.container === '') refuse('there is no container in the path');
  const fields: Record<string, string> = {};
  let signed: Signed | undefined;
  let files = 0;
  try {
    for await (const part of formParts(request.stream, headerText(request.headers, 'content-type') ?? '')) {
      if (part.kind === 'field') {
        fields[part.name.toLowerCase()] = part.value;
        continue;
      }
      // A file input that was left empty.
      if (part.name === '') {
        part.skip();
        continue;
      }
      signed ??= await checkSignature(context, path, fields);
      files += 1;
      if (files > signed.filesMax) refuse('max_file_count exceeded');
      await storeFile(context, request, { path, file: part, fields, signed });
    }
    if (files === 0) {
      await checkSignature(context, path, fields);
      refuse('no files to process');
    }
  } catch (thrown) {
    const error = asShoalError(thrown);
    // Only a redirect that was signed may send anybody anywhere.
    if (!signed || error.status >= 500 || !fields.redirect) throw error;
    return answerTo(fields.redirect, error.status, error.message);
  }
  return answerTo(fields.redirect, 201, '');
};
