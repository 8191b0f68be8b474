declare module 'unbzip2-stream' {
  /** A stream that takes bzip2 and gives what was in it; it works on `write`, at once. */
  export default function unbzip2Stream(): NodeJS.ReadWriteStream;
}
