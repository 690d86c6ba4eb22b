import keras
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [
        keras.Input(shape=(64,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
callback = keras.callbacks.CSVLogger("history.csv")
history = model.fit(
    x[:256] / 16,
    y[:256],
    batch_size=64,
    epochs=3,
    validation_data=(x[256:384] / 16, y[256:384]),
    callbacks=[callback],
    verbose=0,
)
