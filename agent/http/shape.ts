/**
 * How each API words its errors, until its own service registers a better shape. Clients of OpenStack read the
 * status first and show the message; the envelope differs by service.
 */
import type { ShoalError } from '../../proto/error.ts';
import type { ApiName } from '../../proto/rest/route.ts';
import { STATUS_CODES } from '../base/node-http.ts';
import type { RefuseUnreadable, Unreadable } from './http-server.ts';
import { headerBytesMax } from './limits.ts';
import type { ApiAnswer, ErrorShape } from './port.ts';

const titleOf = (status: number): string =>
  status === 499 ? 'Client Closed Request' : (STATUS_CODES[status] ?? 'Error');

/** `{"error": {"code", "title", "message"}}`: Keystone, and what its middleware answers 401 with in all services. */
export const keystoneShape: ErrorShape = (error) => ({
  status: error.status,
  body: { error: { code: error.status, message: error.message, title: titleOf(error.status) } },
});

const novaFault: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'notAcceptable',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** `{"itemNotFound": {"code", "message"}}`: the key says what kind of fault it is. */
export const novaShape: ErrorShape = (error, request) =>
  error.status === 401
    ? keystoneShape(error, request)
    : {
        status: error.status,
        body: { [novaFault[error.status] ?? 'computeFault']: { code: error.status, message: error.message } },
      };

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const html = (error: ShoalError, body: string): ApiAnswer => ({
  status: error.status,
  headers: { 'content-type': 'text/html; charset=UTF-8' },
  body,
});

/** webob's page, whose tags glanceclient strips: `HTTP 404 Not Found: No image found with ID x`. */
export const glanceShape: ErrorShape = (error, request) => {
  if (error.status === 401) return keystoneShape(error, request);
  const title = `${error.status} ${titleOf(error.status)}`;
  return html(
    error,
    `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${escapeHtml(error.message)}<br /><br />\n\n\n\n </body>\n</html>`,
  );
};

/** `<html><h1>Not Found</h1><p>why</p></html>`, as Swift's own short pages. */
export const swiftShape: ErrorShape = (error) =>
  html(error, `<html><h1>${titleOf(error.status)}</h1><p>${escapeHtml(error.message)}</p></html>`);

/** shoal's own: the code of the error table and its values, for programs. */
export const clusterShape: ErrorShape = (error) => ({
  status: error.status,
  body: { error: { code: error.code, message: error.message, details: error.details } },
});

export const defaultShapes: Readonly<Record<ApiName, ErrorShape>> = {
  identity: keystoneShape,
  compute: novaShape,
  image: glanceShape,
  object: swiftShape,
  cluster: clusterShape,
};

const unreadable: Readonly<Record<Unreadable, { readonly status: number; readonly message: string }>> = {
  malformed: { status: 400, message: 'Cannot read the request: it is no HTTP/1.1' },
  tooLarge: {
    status: 431,
    message: `Cannot read the request: line and headers exceed ${headerBytesMax} bytes`,
  },
  slow: { status: 408, message: 'Cannot read the request: its headers did not come in time' },
};

/** Of what is no request, as Keystone says it, which whoever comes asks first. */
export const refuseInJson: RefuseUnreadable = (kind) => {
  const { status, message } = unreadable[kind];
  const error = { code: status, message, title: STATUS_CODES[status] };
  return {
    status,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ error }),
  };
};
