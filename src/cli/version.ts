declare const __TABELLION_VERSION__: string | undefined;

/** Whether this is the bundle in `dist`, and not the sources. */
export const IS_BUILT = typeof __TABELLION_VERSION__ === 'string';

/** The version of this build; sources that were not built say so. */
export const VERSION: string =
  typeof __TABELLION_VERSION__ === 'string' ? __TABELLION_VERSION__ : '0.0.0-unbuilt';
