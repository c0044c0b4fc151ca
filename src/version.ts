// The version of this program. package.json says the same; test/tidy.test.ts holds them together.
export const version = '0.1.0';
