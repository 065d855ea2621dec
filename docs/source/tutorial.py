# %% [en]
# # From {{n_distinct:,}} colors to {{n_colors}}
#
# K-means finds groups in data. Here the data are the pixels of a photograph, and the groups become
# its colors: the picture shrinks to a fraction of its bytes and is still itself. Every number in
# this text comes from the code beside it.
#
# Besides pimenton you need only `pip install 'pimenton[plots,sklearn]'`.
# %% [es]
# # De {{n_distinct:,}} colores a {{n_colors}}
#
# K-means encuentra grupos en los datos. Aquí los datos son los píxeles de una fotografía, y los
# grupos se vuelven sus colores: la imagen se reduce a una fracción de sus bytes y sigue siendo ella.
# Cada número de este texto sale del código que tiene al lado.
#
# Además de pimenton solo hace falta `pip install 'pimenton[plots,sklearn]'`.
# %%
import time

import numpy as np
from matplotlib import pyplot as plt

import pimenton
from pimenton import plots

# %% [en]
# ## 1. Load and look
#
# A picture is an array: {{height}} rows of {{width}} pixels, and for each pixel three numbers from
# 0 to 255: how much red, green and blue it has.
# %% [es]
# ## 1. Cargar y mirar
#
# Una imagen es un arreglo: {{height}} filas de {{width}} píxeles, y por cada píxel tres números de
# 0 a 255: cuánto rojo, verde y azul tiene.
# %%
picture = pimenton.read_image("pictures/fruits.png")[:, :, :3]
height, width, n_channels = picture.shape
n_distinct = len(np.unique(picture.reshape(-1, 3), axis=0))
print(picture.shape, picture.dtype, n_distinct, "different colors")
plt.figure(figsize=(6, 4), layout="constrained")
plt.imshow(picture)
plt.axis("off");

# %% [en]
# ## 2. Reshape and divide
#
# K-means wants a table: one row for each sample, one column for each feature. The samples are the
# {{height * width:,}} pixels, the features their three channels. Where a pixel is in the picture
# does not matter now; only its color does.
#
# Dividing by 255 brings the channels to 0…1. That is a habit worth having, though here it changes
# no group: all three features have the same unit, so all distances shrink alike (more in section 8).
# %% [es]
# ## 2. Cambiar de forma y dividir
#
# K-means quiere una tabla: una fila por muestra, una columna por característica. Las muestras son
# los {{height * width:,}} píxeles, las características sus tres canales. Ahora no importa dónde está
# un píxel en la imagen; solo su color.
#
# Dividir entre 255 lleva los canales a 0…1. Es una buena costumbre, aunque aquí no cambia ningún
# grupo: las tres características tienen la misma unidad, así que todas las distancias encogen por
# igual (más en la sección 8).
# %%
pixels = picture.reshape(height * width, n_channels) / 255
pixels[:3]

# %% [en]
# Taken as places in space, the pixels are a cloud. K-means will look for {{n_colors}} places that
# stand for all of them.
# %% [es]
# Tomados como lugares en el espacio, los píxeles son una nube. K-means buscará {{n_colors}} lugares
# que los representen a todos.
# %%
n_colors = 16
plots.plot_colors_3d(picture);

# %% [en]
# ## 3. K-means from scratch
#
# The whole algorithm is four steps:
#
# 1. **Start.** Take {{n_colors}} pixels at random; their colors are the first *centroids*.
# 2. **Assign.** Give each pixel to its nearest centroid.
# 3. **Move** each centroid to the mean of its pixels. This is the step that people stumble over,
#    and it explains the name: the new place is nothing but the average color of the group, and the
#    average is the one place from which the squared distances to the group are least.
# 4. **Repeat** 2 and 3 until nothing moves, or you have had enough.
# %% [es]
# ## 3. K-means desde cero
#
# Todo el algoritmo son cuatro pasos:
#
# 1. **Inicio.** Toma {{n_colors}} píxeles al azar; sus colores son los primeros *centroides*.
# 2. **Asignar.** Da cada píxel a su centroide más cercano.
# 3. **Mover** cada centroide a la media de sus píxeles. Es el paso en que más se tropieza, y explica
#    el nombre: el nuevo lugar no es más que el color promedio del grupo, y el promedio es el único
#    lugar desde el que las distancias al cuadrado al grupo son mínimas.
# 4. **Repetir** 2 y 3 hasta que nada se mueva, o hasta que baste.
# %%
rng = np.random.default_rng(123)
centroids = pixels[rng.choice(len(pixels), n_colors, replace=False)]  # 1. start
history = []
for _ in range(12):  # 4. repeat
    distances = ((pixels[:, np.newaxis] - centroids) ** 2).sum(axis=2)
    labels = distances.argmin(axis=1)  # 2. assign
    history.append(float(distances.min(axis=1).sum()))
    centroids = np.array([pixels[labels == j].mean(axis=0) for j in range(n_colors)])  # 3. move
plots.plot_convergence(history);

# %% [en]
# The sum of all squared distances is called *inertia*. Each step can only lower it: from
# {{history[0]:,.0f}} it fell to {{history[-1]:,.0f}} in {{len(history)}} rounds, most of it in the
# first few. `pimenton explain` shows these very steps on any picture, with the cloud turning.
# %% [es]
# La suma de todas las distancias al cuadrado se llama *inercia*. Cada paso solo puede bajarla: de
# {{history[0]:,.0f}} cayó a {{history[-1]:,.0f}} en {{len(history)}} vueltas, casi todo en las
# primeras. `pimenton explain` muestra estos mismos pasos sobre cualquier imagen, con la nube girando.

# %% [en]
# ## 4. The same with a library
#
# `pimenton.KMeans` has the interface of scikit-learn's: change the import and old code runs.
# It starts more cleverly, searches longer and ends at {{model.inertia_:,.0f}}, where our ten lines
# had {{history[-1]:,.0f}}.
# %% [es]
# ## 4. Lo mismo con una biblioteca
#
# `pimenton.KMeans` tiene la interfaz de la de scikit-learn: cambia el import y el código anterior
# funciona. Empieza con más astucia, busca más y termina en {{model.inertia_:,.0f}}, donde nuestras
# diez líneas tenían {{history[-1]:,.0f}}.
# %%
model = pimenton.KMeans(n_clusters=n_colors, random_state=123)
labels = model.fit_predict(pixels)
centers = model.cluster_centers_
model.inertia_

# %% [en]
# ## 5. The palette, counted
#
# Each centroid is a color, and its label's count says how many pixels take it.
# %% [es]
# ## 5. La paleta, contada
#
# Cada centroide es un color, y la cuenta de su etiqueta dice cuántos píxeles lo toman.
# %%
counts = np.bincount(labels)
for j in counts.argsort()[::-1]:
    red, green, blue = np.round(centers[j] * 255).astype(int)
    print(f"{counts[j]:7} pixels  {counts[j] / len(pixels):5.1%}  red {red:3} green {green:3} blue {blue:3}")

# %% [en]
# ## 6. Rebuild the picture
#
# Replace each pixel by its centroid: indexing the table of centers by the labels does it for all
# pixels at once. Then give it back its shape.
# %% [es]
# ## 6. Reconstruir la imagen
#
# Sustituye cada píxel por su centroide: indexar la tabla de centros con las etiquetas lo hace para
# todos los píxeles a la vez. Después devuélvele su forma.
# %%
rebuilt = np.round(centers[labels] * 255).astype(np.uint8).reshape(picture.shape)
plots.plot_side_by_side(picture, rebuilt);

# %% [en]
# ## 7. What is saved, and why
#
# A pixel had three channels of 8 bits: **24 bits**. Now it only has to say *which* of {{n_colors}}
# colors it is, and that takes log₂ {{n_colors}} = **{{bits}} bits**. It is easy to think of 4 bits
# for each of the three channels and arrive at 12; but the number of a color stands for all three
# channels at once, so 4 is the whole of it. The palette itself is {{n_colors}} × 24 bits, which is
# nothing.
#
# That alone is a factor of {{24 / bits:.0f}}: {{raw_bytes:,}} bytes become {{packed_bytes:,}}. A PNG
# file then packs repeated patterns, which flat areas are full of, down to {{png_bytes:,}} bytes:
# {{share:.1%}} of the {{original_bytes:,}} bytes of the original's PNG.
# %% [es]
# ## 7. Qué se ahorra, y por qué
#
# Un píxel tenía tres canales de 8 bits: **24 bits**. Ahora solo tiene que decir *cuál* de
# {{n_colors}} colores es, y para eso bastan log₂ {{n_colors}} = **{{bits}} bits**. Es fácil pensar en
# 4 bits por cada uno de los tres canales y llegar a 12; pero el número de un color vale por los tres
# canales a la vez, así que 4 es todo. La paleta misma son {{n_colors}} × 24 bits, que no es nada.
#
# Solo eso ya es un factor de {{24 / bits:.0f}}: {{raw_bytes:,}} bytes se vuelven {{packed_bytes:,}}.
# Después un archivo PNG empaqueta los patrones repetidos, de los que las zonas lisas están llenas,
# hasta {{png_bytes:,}} bytes: el {{share:.1%}} de los {{original_bytes:,}} bytes del PNG original.
# %%
bits = int(np.log2(n_colors))
raw_bytes, packed_bytes = height * width * 24 // 8, height * width * bits // 8 + n_colors * 3
image = pimenton.quantize(picture, n_colors=n_colors, space="srgb", dither="none")
png_bytes = len(pimenton.encode(image))
original_bytes = len(open("pictures/fruits.png", "rb").read())
share = png_bytes / original_bytes
image

# %% [en]
# ## 8. When to scale features
#
# K-means only knows distances. If one feature runs to 10,000 and another to 1, the first decides
# everything; bring features of different units to like ranges first. Red, green and blue share a
# unit: with pixels from 0 to 255 the groups are the same ({{same_groups:.2%}} of the pixels), and
# only the inertia is 255² times as large ({{inertia_ratio:,.0f}}).
#
# What does change the groups is another *space*: in Oklab, which pimenton uses by default, distances
# are about as large as differences look.
# %% [es]
# ## 8. Cuándo escalar las características
#
# K-means solo conoce distancias. Si una característica llega a 10 000 y otra a 1, la primera lo
# decide todo; lleva antes a rangos parecidos las que tengan unidades distintas. El rojo, el verde y
# el azul comparten unidad: con píxeles de 0 a 255 los grupos son los mismos ({{same_groups:.2%}} de
# los píxeles), y solo la inercia es 255² veces mayor ({{inertia_ratio:,.0f}}).
#
# Lo que sí cambia los grupos es otro *espacio*: en Oklab, que pimenton usa por defecto, las
# distancias son más o menos tan grandes como se ven las diferencias.
# %%
unscaled = pimenton.KMeans(n_clusters=n_colors, random_state=123).fit(pixels * 255)
same_groups = (unscaled.labels_ == labels).mean()
inertia_ratio = unscaled.inertia_ / model.inertia_

# %% [en]
# ## 9. What a seed does
#
# A start is random, and K-means only walks downhill from it; another start may end in another
# valley. From random pixels, one start each, the inertia ends between {{min(ends):,.0f}} and
# {{max(ends):,.0f}}, {{max(ends) / min(ends) - 1:.1%}} apart. A seed makes a result repeatable, not
# better; a better start, or several of which the best is kept, makes it better.
# %% [es]
# ## 9. Qué hace una semilla
#
# El inicio es aleatorio, y K-means solo camina cuesta abajo desde él; otro inicio puede acabar en
# otro valle. Desde píxeles al azar, con un solo inicio, la inercia acaba entre {{min(ends):,.0f}} y
# {{max(ends):,.0f}}, a un {{max(ends) / min(ends) - 1:.1%}} de distancia. Una semilla hace repetible
# un resultado, no mejor; mejor lo hace un inicio mejor, o varios de los que se guarda el mejor.
# %%
ends = [
    pimenton.KMeans(n_clusters=n_colors, init="random", n_init=1, random_state=seed).fit(pixels).inertia_
    for seed in range(8)
]
[round(end) for end in ends]

# %% [en]
# ## 10. How many colors?
#
# More colors cost more bytes and look better, but less and less so. The *knee*, where the curve
# turns from steep to flat, is a fair answer: here {{knee.n_colors}} colors without dithering, at
# {{knee.size_bytes:,}} bytes (for every fourth pixel of each row and column).
# %% [es]
# ## 10. ¿Cuántos colores?
#
# Más colores cuestan más bytes y se ven mejor, pero cada vez menos. El *codo*, donde la curva pasa de
# empinada a llana, es una buena respuesta: aquí {{knee.n_colors}} colores sin tramado, con
# {{knee.size_bytes:,}} bytes (para uno de cada cuatro píxeles de cada fila y columna).
# %%
from pimenton.curve import measure_curve

small = pimenton.as_rgba(np.ascontiguousarray(picture[::4, ::4]))
curve = measure_curve(small)
knee = next(point for point in curve.of("none") if point.is_knee)
plots.plot_curve(curve);

# %% [en]
# ## 11. K-means before other work
#
# A picture of few colors is not only smaller, it is cheaper to work with. Take a search: "which
# pixels have the color nearest to this one?" In the original each question compares
# {{len(pixels):,}} pixels. Once the picture is compressed it compares {{n_colors}} palette entries,
# and the labels say at once which pixels have the winner: {{len(pixels) // n_colors:,}} times fewer
# distances.
#
# The price is quality. For {{len(questions)}} colors drawn from the picture, the answer is off by
# {{exact_error:.2f}} levels of 255 in the original (some other pixel has nearly that color) and by
# {{palette_error:.1f}} with {{n_colors}} colors; with 256 it is {{fine_error:.1f}}, and still
# {{len(pixels) // 256:,}} times fewer distances. Whether that is good enough is for the task to say.
# %% [es]
# ## 11. K-means antes de otro trabajo
#
# Una imagen de pocos colores no solo es más pequeña: también es más barato trabajar con ella. Por
# ejemplo una búsqueda: «¿qué píxeles tienen el color más cercano a este?» En el original cada
# pregunta compara {{len(pixels):,}} píxeles. Una vez comprimida la imagen, compara {{n_colors}}
# colores de la paleta, y las etiquetas dicen enseguida qué píxeles tienen el ganador:
# {{len(pixels) // n_colors:,}} veces menos distancias.
#
# El precio es la calidad. Para {{len(questions)}} colores sacados de la imagen, la respuesta se
# desvía {{exact_error:.2f}} niveles de 255 en el original (algún otro píxel tiene casi ese color) y
# {{palette_error:.1f}} con {{n_colors}} colores; con 256 son {{fine_error:.1f}}, y aún
# {{len(pixels) // 256:,}} veces menos distancias. Si eso basta, lo dice la tarea.
# %%
def nearest(colors, question):
    return colors[((colors - question) ** 2).sum(axis=1).argmin()]


def mean_error(colors):
    found = np.array([nearest(colors, question) for question in questions])
    return 255 * np.sqrt(((found - questions) ** 2).mean(axis=1)).mean()


places = rng.choice(len(pixels), 40, replace=False)
# A little off the pixels themselves, as questions from elsewhere would be.
questions = np.clip(pixels[places] + rng.normal(0, 0.02, (40, 3)), 0, 1)
fine = pimenton.quantize(picture, n_colors=256, space="srgb", dither="none").palette.colors[:, :3] / 255
errors, seconds = [], []
for colors in (pixels, centers, fine):
    started = time.perf_counter()
    errors.append(mean_error(colors))
    seconds.append(time.perf_counter() - started)
exact_error, palette_error, fine_error = errors
print(f"all pixels {seconds[0]:.3f} s, {n_colors} colors {seconds[1]:.4f} s, 256 colors {seconds[2]:.4f} s")

# %% [en]
# ## In one line
#
# From the shell all of this is `pimenton compress fruits.png -k 16`; from Python:
# %% [es]
# ## En una línea
#
# Desde la consola todo esto es `pimenton compress fruits.png -k 16`; desde Python:
# %%
result = pimenton.compress("pictures/fruits.png", n_colors=n_colors)
result.report
