/** Errors in Swift's words: reasons as plain text where Swift gives reasons, its short pages elsewhere. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer, ErrorShape } from '../../http/port.ts';
import { swiftShape } from '../../http/shape.ts';

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/** Statuses whose page says nothing useful; Swift sends the reason alone, though it calls that HTML too. */
const plain: readonly number[] = [400, 411, 412, 413, 422, 501];

/** Swift calls its reasons HTML; one that a browser would read as such is text all the same. */
const reason = ({ status, message }: ShoalError): ApiAnswer => ({
  status,
  headers: { 'Content-Type': `text/${/[<&]/.test(message) ? 'plain' : 'html'}; charset=UTF-8` },
  body: message,
});

/** Swift's own status, which its clients wait upon and try again. */
const rateLimited: ApiAnswer = {
  status: 498,
  headers: { 'Content-Type': 'text/plain; charset=UTF-8' },
  body: 'Slow down',
};

/** Swift's own challenge names the account, as the path has it: percent-encoded, and so without quotes and line ends. */
const challenged = (answer: ApiAnswer, path: string): ApiAnswer => {
  const account = /\/v1\/([^/]+)/.exec(path)?.[1] ?? 'unknown';
  return {
    ...answer,
    headers: { ...answer.headers, 'WWW-Authenticate': `Swift realm="${account.replaceAll('"', '%22')}"` },
  };
};

export const swiftErrors: ErrorShape = (error, request) => {
  // A path that is no UTF-8 is refused before there is a handler; Swift's word for it is 412.
  if (error.code === 'BAD_REQUEST' && !isDecodable(request.path))
    return swiftErrors(new ShoalError('PRECONDITION_FAILED', 'Invalid UTF8 or contains NULL'), {
      ...request,
      path: '/',
    });
  if (error.code === 'RATE_LIMITED') return rateLimited;
  const { headers, isReason } = error.details;
  const answer =
    error.status === 401
      ? challenged(swiftShape(error, request), request.path)
      : plain.includes(error.status) || isReason === true
        ? reason(error)
        : swiftShape(error, request);
  // What links led to, which deletion it was.
  return typeof headers === 'object' ? { ...answer, headers: { ...answer.headers, ...headers } } : answer;
};
