/** Argument behind the data folder by which the supervisor makes database and data folder belong together. */
export const ADOPT = '--adopt';
