from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("iris")

x_train, x_test, y_train, y_test = train_test_split(*load_iris(return_X_y=True), random_state=1)
params = {"solver": "lbfgs", "max_iter": 100, "random_state": 8888}
with mlflow.start_run(run_name="logistic", tags={"kind": "quickstart"}) as run:
    model = LogisticRegression(**params).fit(x_train, y_train)
    accuracy = accuracy_score(y_test, model.predict(x_test))
    mlflow.log_params(params)
    mlflow.log_param("split", "default")
    mlflow.log_metric("accuracy", accuracy)
    for epoch in range(1, 6):
        mlflow.log_metric("train_loss", 1 / epoch, step=epoch)
        mlflow.log_metrics({"val_loss": 1.5 / epoch, "val_f1": 1 - 1 / epoch}, step=epoch)
    mlflow.set_tag("Training Info", "Basic LR model for iris data")
    mlflow.set_tags({"release": 1})
    mlflow.log_dict({"classes": [0, 1, 2]}, "classes.json")
    mlflow.log_text("three species", "notes/description.txt")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    plt.close(figure)
    Path("table.csv").write_text("a,b\n1,2\n")
    mlflow.log_artifact("table.csv", artifact_path="tables")
    signature = infer_signature(x_train, model.predict(x_train))
    mlflow.sklearn.log_model(sk_model=model, name="iris_model", signature=signature)
    with mlflow.start_run(run_name="child", nested=True):
        mlflow.log_param("depth", 2)
        mlflow.log_metric("accuracy", 0.5)
    assert mlflow.active_run().info.run_id == run.info.run_id
assert mlflow.active_run() is None
