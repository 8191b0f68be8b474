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

/** Statuses whose page says nothing useful; Swift sends the reason alone. */
const plain: readonly number[] = [400, 411, 412, 413, 422, 501];

/** Swift's own status, which its clients wait upon and try again. */
const rateLimited: ApiAnswer = {
  status: 498,
  headers: { 'Content-Type': 'text/plain; charset=UTF-8' },
  body: 'Slow down',
};

export const swiftErrors: ErrorShape = (error, request) => {
  // A path that is no UTF-8 is refused before there is a handler; Swift's word for it is 412.
  if (error.code === 'BAD_REQUEST' && !isDecodable(request.path))
    return swiftErrors(new ShoalError('PRECONDITION_FAILED', 'Invalid UTF8 or contains NULL'), {
      ...request,
      path: '/',
    });
  if (error.code === 'RATE_LIMITED') return rateLimited;
  if (!plain.includes(error.status)) return swiftShape(error, request);
  return {
    status: error.status,
    headers: { 'Content-Type': 'text/plain; charset=UTF-8' },
    body: error.message,
  };
};
