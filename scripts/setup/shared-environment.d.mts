export interface EnvironmentWish {
  readonly cache: string;
  readonly kind: string;
  readonly what: string;
  readonly gigabytes: number;
  readonly requirements: readonly { readonly file: string; readonly flags: readonly string[] }[];
  readonly python: { readonly path: string; readonly version: readonly number[]; readonly platform: string };
  readonly intent: 'install' | 'find';
}
export function sharedEnvironment(wish: EnvironmentWish): Promise<string | undefined>;
