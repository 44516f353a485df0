"""What is played. A scene is a function of a stage; the texts are ours, and so are the people in them."""
