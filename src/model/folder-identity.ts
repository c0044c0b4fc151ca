/** What a copy of a folder cannot share with it; u64s as decimal text. */
export interface FolderIdentity {
  readonly device: string;
  readonly inode: string;
}
