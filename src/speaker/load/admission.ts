/** Whether new sessions are taken at the moment: said by who watches the memory, asked wherever one may begin. */
export class Admission {
  open = true;
}
