/** Bytes up and down. Uploads go by XMLHttpRequest: fetch cannot tell how far it is. */
import { Refusal, type Session, sentenceOf, urlOf } from './session.ts';

/** The path of an object below the object API, each part encoded once. */
export const objectPath = (session: Session, container?: string, name?: string): string =>
  [
    `/v1/AUTH_${session.project.id}`,
    ...(container === undefined ? [] : [encodeURIComponent(container)]),
    ...(name === undefined ? [] : [name.split('/').map(encodeURIComponent).join('/')]),
  ].join('/');

export const upload = (
  session: Session,
  path: string,
  file: File,
  progress: (share: number) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', urlOf('object', path));
    request.setRequestHeader('x-auth-token', session.token);
    if (file.type) request.setRequestHeader('content-type', file.type);
    request.upload.onprogress = (event) => progress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Refusal(0, `Cannot upload "${file.name}": the connection was lost`));
    request.onload = () =>
      request.status < 300
        ? resolve()
        : reject(new Refusal(request.status, sentenceOf(request.responseText, request.status)));
    request.send(file);
  });

/** The token must not stand in a link, so the bytes come by fetch and are handed to the browser as a file. */
export const download = async (session: Session, path: string, name: string): Promise<void> => {
  const response = await fetch(urlOf('object', path), { headers: { 'x-auth-token': session.token } });
  if (!response.ok) throw new Refusal(response.status, sentenceOf(await response.text(), response.status));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name.split('/').at(-1) ?? name;
  link.click();
  // The browser has taken hold of the blob by the next turn of the loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
};
