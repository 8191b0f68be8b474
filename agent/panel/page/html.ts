/** preact and htm bound together: components are functions, markup is a tagged template, nothing is compiled. */
export { html } from 'htm/preact';
export type { ComponentChildren as Children } from 'preact';
