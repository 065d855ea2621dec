import imagemin from "imagemin";
import imageminPngquant from "imagemin-pngquant";

const [from, to] = process.argv.slice(2);
const files = await imagemin([`${from}/*.png`], {
    destination: to,
    plugins: [imageminPngquant({speed: 4, strip: true, quality: [0.3, 0.9], dithering: 0.8})],
});
for (const file of files) console.log(file.destinationPath, file.data.length);
