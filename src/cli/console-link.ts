// A link that signs a browser in at the console, once. Pure.

/** The code stands in the fragment: browsers send that nowhere, and the page takes it away. */
export const consoleLink = (url: string, code: string): string => `${url}/#code=${code}`;
