/** Bytes up and down, by XMLHttpRequest: fetch cannot tell how far an upload is. */
import type { ApiName } from '../../../proto/rest/route.ts';
import { Refusal, sentenceOf, urlOf } from './call.ts';
import { tellReach } from './reach.ts';
import type { Session } from './session.ts';

/** The path of an object below the object API, each part encoded once. */
export const objectPath = (session: Session, container?: string, name?: string): string =>
  [
    `/v1/AUTH_${session.project.id}`,
    ...(container === undefined ? [] : [encodeURIComponent(container)]),
    ...(name === undefined ? [] : [name.split('/').map(encodeURIComponent).join('/')]),
  ].join('/');

export type Progress = (doneBytes: number, totalBytes: number) => void;

export interface Way {
  readonly session: Session;
  readonly api: ApiName;
  readonly path: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const transfer = (
  { session, api, path, progress, signal }: Way,
  file?: Blob,
  contentType?: string,
): Promise<Blob> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(file ? 'PUT' : 'GET', urlOf(api, path));
    request.responseType = 'blob';
    request.setRequestHeader('x-auth-token', session.token);
    if (contentType) request.setRequestHeader('content-type', contentType);
    (file ? request.upload : request).onprogress = (event) => progress(event.loaded, event.total);
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    request.onerror = () => {
      // Whether the host is gone or only the connection, the next poll tells.
      tellReach(false);
      reject(new Refusal(0, 'The connection was lost.'));
    };
    request.onload = async () => {
      tellReach(true);
      const body = request.response as Blob;
      if (request.status < 300) resolve(body);
      else reject(new Refusal(request.status, sentenceOf(await body.text(), request.status)));
    };
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file ?? null);
  });

/** The store names what it did not understand by its own guess: a file without a type gets none from here. */
export const upload = (way: Way, file: File, contentType = file.type): Promise<unknown> =>
  transfer(way, file, contentType);

/** The token must not stand in a link, so the bytes are fetched and then handed to the browser as a file. */
export const download = async (way: Way, name: string): Promise<void> => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await transfer(way));
  link.download = name;
  link.click();
  // The browser has taken hold of the blob by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
};
