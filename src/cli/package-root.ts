import { fileURLToPath } from 'node:url';
import { IS_BUILT } from './version.ts';

/** The folder of the package: one above `dist`, where all of this lies once built, or above `src`. */
export const PACKAGE_ROOT = fileURLToPath(new URL(IS_BUILT ? '..' : '../..', import.meta.url));
