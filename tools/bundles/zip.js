// What the page of the service packs its results with; everything else is shaken off.
export { Zip, ZipPassThrough } from "fflate";
